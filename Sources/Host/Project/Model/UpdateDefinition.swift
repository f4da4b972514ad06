import FoundationEssentials

/// Settings for updates of an image's devices (`update:`).
public struct UpdateDefinition: Sendable, Equatable {
  /// Position in the project file.
  public var position: SourcePosition
  /// File with the root of trust. Devices install only bundles that its keys or authorities sign.
  public var trust: URL
  /// Handling of releases with a lower version.
  public var downgrade: DowngradeChoice
  /// Conditions for committing a release on trial.
  public var health: HealthDefinition
}

/// The handling of a release with a lower version and the same security epoch (`update: { downgrade: … }`).
public enum DowngradeChoice: String, Sendable, Equatable, CaseIterable {
  /// Devices refuse it, unless a user asks for it.
  case refused
  /// Devices install it.
  case allowed
}

/// The conditions for committing a release on trial (`update: { health: … }`).
public struct HealthDefinition: Sendable, Equatable {
  /// Time for which the device must be healthy without interruption, in seconds.
  public var duration: Int
  /// Time after which the device gives up a release that has not been committed, in seconds.
  public var timeout: Int
  /// Checks in addition to programs, units and scripts of the image.
  public var checks: [HealthCheckDefinition]
}

/// A health check.
public struct HealthCheckDefinition: Sendable, Equatable {
  /// A kind of health check.
  public enum Kind: Sendable, Equatable {
    /// The port accepts connections.
    case tcp(address: String, port: Int)
    /// A web server answers with a status from 200 to 299, and its response contains the text, if one is given.
    case http(address: String, port: Int, path: String, contains: String?)
    /// The file exists.
    case file(String)
    /// The program exits with status 0.
    case command([String])
  }

  /// Name, for messages.
  public var name: String
  public var kind: Kind
  /// Maximum time for the check, in seconds.
  public var timeout: Int
}
