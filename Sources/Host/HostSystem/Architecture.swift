/// A processor architecture that images are made for, with the names that others have for it.
public enum Architecture: String, Sendable, CaseIterable, Codable {
  /// x86-64; Debian's name.
  case amd64
  /// AArch64; Debian's name.
  case arm64

  /// The architecture that the tool itself runs on.
  public static var host: Architecture {
    #if arch(arm64)
      .arm64
    #else
      .amd64
    #endif
  }

  /// Debian's triplet for library folders.
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

  /// Whether there are machines of it that boot by BIOS.
  public var hasBIOS: Bool { self == .amd64 }

  /// Whether there are machines of it that have U-Boot as their firmware.
  public var hasUBoot: Bool { self == .arm64 }

  /// The architecture in the words that are used with users.
  public var title: String {
    switch self {
    case .amd64: "x86-64"
    case .arm64: "arm64"
    }
  }
}
