/// A processor architecture of images, with its names in other systems.
public enum Architecture: String, Sendable, CaseIterable, Codable {
  /// x86-64; Debian's name.
  case amd64
  /// AArch64; Debian's name.
  case arm64

  /// The architecture of the running tool.
  public static var host: Architecture {
    #if arch(arm64)
      .arm64
    #else
      .amd64
    #endif
  }

  /// Debian's multiarch triplet, used in library paths.
  public var multiarch: String {
    switch self {
    case .amd64: "x86_64-linux-gnu"
    case .arm64: "aarch64-linux-gnu"
    }
  }

  /// The name in Linux, LLVM triples and Rust targets.
  public var machine: String {
    switch self {
    case .amd64: "x86_64"
    case .arm64: "aarch64"
    }
  }

  /// True if some machines of this architecture boot from a BIOS.
  public var hasBIOS: Bool { self == .amd64 }

  /// True if some machines of this architecture have U-Boot as their firmware.
  public var hasUBoot: Bool { self == .arm64 }

  /// The name for users.
  public var title: String {
    switch self {
    case .amd64: "x86-64"
    case .arm64: "arm64"
    }
  }
}
