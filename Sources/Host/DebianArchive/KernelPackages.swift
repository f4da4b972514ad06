/// The names of packages that contain a Debian kernel.
///
/// Up to Debian 13, the kernel is in one package, `linux-image-VERSION`. Later releases split it:
/// `linux-binary-VERSION` has the kernel, `linux-modules-VERSION` the modules, and `linux-base-VERSION` the indexes of
/// the modules and the device trees. `linux-image-VERSION` depends on them.
public enum KernelPackages {
  private static let prefixes = ["linux-image-", "linux-binary-", "linux-modules-", "linux-base-"]

  /// Returns true if a package contains a part of a kernel, or depends on the packages that do.
  public static func isPart(_ name: String) -> Bool { prefixes.contains { name.hasPrefix($0) } }
}
