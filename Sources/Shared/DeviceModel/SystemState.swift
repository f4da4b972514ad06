/// What systemd says of a system.
public struct SystemState: Codable, Sendable, Equatable {
  /// Its own word: `starting`, `running`, `degraded` and so on (`systemctl is-system-running`); empty where it does not answer.
  public var state: String
  /// The units that have failed.
  public var failedUnits: [String]
  /// How often services have been started again after they had ended; those that never were are left out.
  public var restarts: [String: Int]

  /// Makes a state.
  public init(state: String, failedUnits: [String], restarts: [String: Int] = [:]) {
    self.state = state
    self.failedUnits = failedUnits
    self.restarts = restarts
  }
}
