import HostSystem

/// What compiles a Swift package for another architecture than the build host's.
public enum SwiftSDK: Sendable, Equatable {
  /// The Static Linux SDK of the toolchain, by its name in `swift sdk list`.
  case official(String)
  /// A compiler, and libraries for it, from Debian's packages.
  case debian(DebianSDK)

  /// Chooses the Static Linux SDK that belongs to the toolchain, else what was made of Debian's packages; `nil` where there is neither.
  ///
  /// - Parameters:
  ///   - list: What `swift sdk list` prints.
  ///   - version: What `swift --version` prints.
  ///   - debian: The SDK that was made of Debian's packages.
  public static func choose(among list: String, toolchain version: String, debian: DebianSDK?) -> SwiftSDK? {
    if let name = official(among: list, toolchain: version) { return .official(name) }
    return debian.map { .debian($0) }
  }

  /// The Static Linux SDK that belongs to a toolchain; one of another version cannot be compiled against.
  ///
  /// - Parameters:
  ///   - list: What `swift sdk list` prints: `swift-6.3-RELEASE_static-linux-0.0.1`, one a line.
  ///   - version: What `swift --version` prints; a release has its tag in it, `(swift-6.3-RELEASE)`.
  public static func official(among list: String, toolchain version: String) -> String? {
    let sdks = list.split(separator: "\n").filter { $0.contains("static-linux") }.map(String.init)
    let tag = version.split(whereSeparator: { "() \n".contains($0) }).first { $0.hasPrefix("swift-") }
    guard let tag else { return sdks.first }
    return sdks.first { $0.hasPrefix("\(tag)_") }
  }

  /// Options of `swift build` that take a Static Linux SDK.
  public static func options(official name: String, for architecture: Architecture) -> [String] {
    ["--swift-sdk", name, "--triple", "\(architecture.machine)-swift-linux-musl"]
  }
}
