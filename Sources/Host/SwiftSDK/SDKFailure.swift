import HostSystem

/// There is no Swift SDK, or none could be made.
public enum SDKFailure: ExplainedError {
  /// There is none for this architecture.
  case missing(Architecture)
  /// The architecture is that of the build host.
  case own(Architecture)
  /// The archive's index is past its date.
  case expiredIndex(problem: String)
  /// What was made does not build a program.
  case unusable(version: String, problem: String)
  /// A running build uses what is to be removed.
  case inUse(Architecture)

  /// What was being done, and what was wrong.
  public var problem: String {
    switch self {
    case .missing(let architecture): "there is no Swift SDK for \(architecture.title)"
    case .own(let architecture): "\(architecture.title) is this machine's own architecture, which needs no SDK"
    case .expiredIndex(let problem): problem
    case .unusable(let version, let problem):
      "the Swift SDK of Debian's swiftlang \(version) does not build a program: \(problem)"
    case .inUse(let architecture): "cannot remove the Swift SDK for \(architecture.title): a build that runs uses it"
    }
  }

  /// What the user can do now.
  public var remedy: String? {
    switch self {
    case .missing(let architecture): Self.installation(for: architecture)
    case .own: "build with `swift build`"
    case .expiredIndex:
      "name a mirror that is kept up to date (CULTIVAR_DEBIAN_MIRROR), or take the state of a frozen one with "
        + "--allow-expired-index"
    case .unusable: "install the Static Linux SDK that belongs to the toolchain (https://www.swift.org/install) instead"
    case .inUse: "try again when it has ended"
    }
  }

  /// How to come to an SDK.
  public static func installation(for architecture: Architecture) -> String {
    "make one: `cultivar sdk install \(architecture.rawValue)`"
  }
}
