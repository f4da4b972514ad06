/// What a device is that takes updates, and when it is well: written by the host tool into the root file system.
public struct UpdatePlan: Codable, Sendable, Equatable {
  /// Where the plan stands in the root file system.
  public static let path = "/etc/cultivar/update.json"
  /// The root of trust that the image brings.
  public static let trustRoot = "/etc/cultivar/trust.root"

  /// What the image is.
  public var image: ImageIdentity
  /// Security epoch of the release.
  public var securityEpoch: UInt64
  /// True where a lower version of the same security epoch needs no word of a user.
  public var allowsDowngrade: Bool
  /// Version of the data that its programs write.
  public var dataSchema: UInt32
  /// When the image was made, in seconds since 1970: a clock that says less is wrong.
  public var buildTime: UInt64
  /// When a release is well.
  public var health: HealthPlan

  /// Makes a plan.
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

  /// What bundles for the device are for.
  public var product: String { "\(image.project)/\(image.image)" }
}

/// When a release on trial is well and committed, and when it is given up.
public struct HealthPlan: Codable, Sendable, Equatable {
  /// Seconds for which everything has to be well without a break.
  public var duration: Int
  /// Seconds since the start of the watching after which a release is given up.
  public var timeout: Int
  /// What is looked at besides the programs or units themselves.
  public var checks: [HealthCheckPlan]

  /// Makes a plan.
  public init(duration: Int = 10, timeout: Int = 300, checks: [HealthCheckPlan] = []) {
    self.duration = duration
    self.timeout = timeout
    self.checks = checks
  }
}

/// One thing that is looked at.
public struct HealthCheckPlan: Codable, Sendable, Equatable {
  /// What is asked.
  public enum Kind: Codable, Sendable, Equatable {
    /// Something takes connections at the address and port.
    case tcp(address: String, port: Int)
    /// An HTTP server answers `GET path` with a status of 200 to 299, and a body that contains the text.
    case http(address: String, port: Int, path: String, contains: String?)
    /// The file is there.
    case file(path: String)
    /// The program ends with status 0.
    case command([String])
  }

  /// Name, for messages.
  public var name: String
  /// What is asked.
  public var kind: Kind
  /// Seconds that the answer may take.
  public var timeout: Int

  /// Makes a check.
  public init(name: String, kind: Kind, timeout: Int = 10) {
    self.name = name
    self.kind = kind
    self.timeout = timeout
  }
}
