/// What systemd says of a system.
public struct SystemState: Codable, Sendable, Equatable {
  /// Its own word: `starting`, `running`, `degraded` and so on (`systemctl is-system-running`); empty where it does not answer.
  public var state: String
  /// The units that have failed.
  public var failedUnits: [String]

  /// Makes a state.
  public init(state: String, failedUnits: [String]) {
    self.state = state
    self.failedUnits = failedUnits
  }
}
