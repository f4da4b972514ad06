import HostSystem

/// An SDK that compiles a Swift package for another architecture than the build host's.
public enum SwiftSDK: Sendable, Equatable {
  /// The Static Linux SDK of the toolchain, by its name in `swift sdk list`.
  case official(String)
  /// A compiler and libraries from Debian's packages.
  case debian(DebianSDK)

  /// Chooses the Static Linux SDK of the toolchain, or else the SDK from Debian's packages; `nil` if there is neither.
  ///
  /// - Parameters:
  ///   - list: Output of `swift sdk list`.
  ///   - version: Output of `swift --version`.
  ///   - debian: The SDK from Debian's packages.
  public static func choose(among list: String, toolchain version: String, debian: DebianSDK?) -> SwiftSDK? {
    if let name = official(among: list, toolchain: version) { return .official(name) }
    return debian.map { .debian($0) }
  }

  /// Returns the name of the Static Linux SDK for a toolchain. The SDK must have the same version as the compiler.
  ///
  /// - Parameters:
  ///   - list: Output of `swift sdk list`, with one SDK on each line: `swift-6.3-RELEASE_static-linux-0.0.1`.
  ///   - version: Output of `swift --version`, which contains the tag of a release: `(swift-6.3-RELEASE)`.
  public static func official(among list: String, toolchain version: String) -> String? {
    let sdks = list.split(separator: "\n").filter { $0.contains("static-linux") }.map(String.init)
    let tag = version.split(whereSeparator: { "() \n".contains($0) }).first { $0.hasPrefix("swift-") }
    guard let tag else { return sdks.first }
    return sdks.first { $0.hasPrefix("\(tag)_") }
  }

  /// Returns the options of `swift build` that select a Static Linux SDK.
  public static func options(official name: String, for architecture: Architecture) -> [String] {
    ["--swift-sdk", name, "--triple", "\(architecture.machine)-swift-linux-musl"]
  }
}
