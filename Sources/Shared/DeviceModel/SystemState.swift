/// The state of systemd on a system.
public struct SystemState: Codable, Sendable, Equatable {
  /// The state from `systemctl is-system-running`: `starting`, `running`, `degraded` and so on; empty if systemd does
  /// not answer.
  public var state: String
  /// Names of the failed units.
  public var failedUnits: [String]
  /// Number of automatic restarts by service; only services with at least one.
  public var restarts: [String: Int]

  public init(state: String, failedUnits: [String], restarts: [String: Int] = [:]) {
    self.state = state
    self.failedUnits = failedUnits
    self.restarts = restarts
  }
}
