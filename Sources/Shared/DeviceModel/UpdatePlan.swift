/// The configuration of a device with updates: its identity, and its criteria for a healthy release. The host tool
/// writes it into the root file system.
public struct UpdatePlan: Codable, Sendable, Equatable {
  /// Path of the plan in the root file system.
  public static let path = "/etc/cultivar/update.json"
  /// Path of the root of trust in the image.
  public static let trustRoot = "/etc/cultivar/trust.root"

  /// The identity of the image.
  public var image: ImageIdentity
  /// Security epoch of the release.
  public var securityEpoch: UInt64
  /// True if a lower version of the same security epoch can be installed without a user's permission.
  public var allowsDowngrade: Bool
  /// Version of the data schema that the release's programs write.
  public var dataSchema: UInt32
  /// Creation time of the image, in seconds since 1970. A clock before this time is wrong.
  public var buildTime: UInt64
  /// The criteria for a healthy release.
  public var health: HealthPlan

  public init(
    image: ImageIdentity, securityEpoch: UInt64, allowsDowngrade: Bool = false, dataSchema: UInt32, buildTime: UInt64,
    health: HealthPlan
  ) {
    self.image = image
    self.securityEpoch = securityEpoch
    self.allowsDowngrade = allowsDowngrade
    self.dataSchema = dataSchema
    self.buildTime = buildTime
    self.health = health
  }

  /// The product name in bundles for the device.
  public var product: String { "\(image.project)/\(image.image)" }
}

/// The criteria for committing a release on trial, or rolling it back.
public struct HealthPlan: Codable, Sendable, Equatable {
  /// Seconds for which all checks must pass without a break.
  public var duration: Int
  /// Seconds after which the release is rolled back, counted from the start of the checks.
  public var timeout: Int
  /// Checks in addition to the state of the programs or units.
  public var checks: [HealthCheckPlan]

  public init(duration: Int = 10, timeout: Int = 300, checks: [HealthCheckPlan] = []) {
    self.duration = duration
    self.timeout = timeout
    self.checks = checks
  }
}

/// One health check.
public struct HealthCheckPlan: Codable, Sendable, Equatable {
  /// The condition that a check tests.
  public enum Kind: Codable, Sendable, Equatable {
    /// The address and port accept TCP connections.
    case tcp(address: String, port: Int)
    /// An HTTP server answers `GET path` with a status of 200 to 299 and a body that contains the text.
    case http(address: String, port: Int, path: String, contains: String?)
    /// The file exists.
    case file(path: String)
    /// The program exits with status 0.
    case command([String])
  }

  /// Name, for messages.
  public var name: String
  /// The tested condition.
  public var kind: Kind
  /// Timeout in seconds.
  public var timeout: Int

  public init(name: String, kind: Kind, timeout: Int = 10) {
    self.name = name
    self.kind = kind
    self.timeout = timeout
  }
}
