/// Names of the packages that a kernel of Debian is in.
///
/// Up to Debian 13 one package has all of it, `linux-image-VERSION`. Since then it is in parts, `linux-binary-VERSION` with the kernel,
/// `linux-modules-VERSION`, and `linux-base-VERSION` with the indexes of modules and the device trees; `linux-image-VERSION` depends on them.
public enum KernelPackages {
  private static let prefixes = ["linux-image-", "linux-binary-", "linux-modules-", "linux-base-"]

  /// Whether a package has a part of a kernel, or depends on those that have.
  public static func isPart(_ name: String) -> Bool { prefixes.contains { name.hasPrefix($0) } }
}
