import HostSystem

/// There is no Swift SDK, or it cannot be made.
public enum SDKFailure: ExplainedError {
  /// There is no SDK for this architecture.
  case missing(Architecture)
  /// The architecture is the build host's own.
  case own(Architecture)
  /// The archive's index is past its `Valid-Until` date.
  case expiredIndex(problem: String)
  /// The new SDK cannot build a program.
  case unusable(version: String, problem: String)
  /// A running build uses the SDK that should be removed.
  case inUse(Architecture)

  public var problem: String {
    switch self {
    case .missing(let architecture): "there is no Swift SDK for \(architecture.title)"
    case .own(let architecture): "\(architecture.title) is this machine's own architecture, which needs no SDK"
    case .expiredIndex(let problem): problem
    case .unusable(let version, let problem):
      "the Swift SDK made from Debian's swiftlang \(version) cannot build a program: \(problem)"
    case .inUse(let architecture): "cannot remove the Swift SDK for \(architecture.title): a running build uses it"
    }
  }

  public var remedy: String? {
    switch self {
    case .missing(let architecture): Self.installation(for: architecture)
    case .own: "build with `swift build`"
    case .expiredIndex:
      "set a mirror that is up to date in CULTIVAR_DEBIAN_MIRROR, or accept the index of a frozen mirror with "
        + "--allow-expired-index"
    case .unusable: "install the toolchain's Static Linux SDK instead: https://www.swift.org/install"
    case .inUse: "try again when the build has ended"
    }
  }

  /// Returns the instructions to install an SDK.
  public static func installation(for architecture: Architecture) -> String {
    "make one: `cultivar sdk install \(architecture.rawValue)`"
  }
}
