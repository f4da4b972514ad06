import FoundationEssentials

/// Updates of an image's devices (`update:`).
public struct UpdateDefinition: Sendable, Equatable {
  /// Where it stands in the project file.
  public var position: SourcePosition
  /// File with the root of trust: whose bundles the devices install.
  public var trust: URL
  /// Releases of a lower version.
  public var downgrade: DowngradeChoice
  /// When a release on trial is well.
  public var health: HealthDefinition
}

/// What devices do with a release of a lower version and the same security epoch (`update: { downgrade: … }`).
public enum DowngradeChoice: String, Sendable, Equatable, CaseIterable {
  /// They refuse it, unless a user asks for it.
  case refused
  /// They install it.
  case allowed
}

/// When a release on trial is committed (`update: { health: … }`).
public struct HealthDefinition: Sendable, Equatable {
  /// Seconds for which everything has to be well.
  public var duration: Int
  /// Seconds after which a release that was not is given up.
  public var timeout: Int
  /// What is looked at besides programs or units.
  public var checks: [HealthCheckDefinition]
}

/// One thing that is looked at.
public struct HealthCheckDefinition: Sendable, Equatable {
  /// What is asked.
  public enum Kind: Sendable, Equatable {
    /// Something takes connections.
    case tcp(address: String, port: Int)
    /// A web server answers with a status of 200 to 299, and a body with a text.
    case http(address: String, port: Int, path: String, contains: String?)
    /// A file is there.
    case file(String)
    /// A program ends with status 0.
    case command([String])
  }

  /// Name, for messages.
  public var name: String
  /// What is asked.
  public var kind: Kind
  /// Seconds that the answer may take.
  public var timeout: Int
}
