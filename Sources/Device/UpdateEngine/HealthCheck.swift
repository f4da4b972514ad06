import DeviceModel
import Glibc
import InitClient
import LinuxSystem

/// Checks the health of the device: its programs or units, the scripts in the health folders, and the checks of the
/// plan.
struct HealthCheck: Sendable {
  /// Folders with scripts. Each executable file in them is a check.
  var folders = ["/usr/lib/cultivar/health.d", "/etc/cultivar/health.d"]
  /// Maximum run time of a script in seconds.
  var scriptTimeout = 30
  /// The checks of the plan.
  var checks: [HealthCheckPlan]
  /// Notices programs that are restarted.
  private let restarts: RestartWatch

  /// - Parameter restarts: Remembers the restart counts from one check to the next.
  init(_ plan: HealthPlan, _ restarts: RestartWatch = RestartWatch()) {
    checks = plan.checks
    self.restarts = restarts
  }

  /// Returns the problems as sentences. Empty if the device is healthy.
  func problems() -> [String] { services() + scripts() + checks.compactMap(problem) }

  private func services() -> [String] {
    if FileTree.exists(DevicePaths.controlSocket) { return programs() }
    guard Systemd.runsMachine else { return [] }
    let state = Systemd.state()
    return Self.problems(of: state) + restarts.problems(state.restarts)
  }

  /// Checks, on an appliance, that every program that should run is running.
  private func programs() -> [String] {
    guard case .status(let status)? = try? ControlClient().ask(.status) else { return ["init does not answer"] }
    let counts = status.programs.map { ($0.name, $0.restarts) }
    return status.programs.compactMap(Self.problem)
      + restarts.problems(Dictionary(counts) { first, _ in first })
  }

  static func problem(_ program: ProgramStatus) -> String? {
    switch program.state {
    case .running, .stopped: nil
    case .ended: program.lastEnd == "status 0" ? nil : "\(program.name) ended: \(program.lastEnd ?? "not started")"
    case .waiting: "\(program.name) waits for \(program.waitingFor ?? "its start")"
    case .stopping, .restarting: "\(program.name) does not keep running: \(program.lastEnd ?? "it is being stopped")"
    }
  }

  /// Checks, on a system, that systemd has started everything and no unit has failed.
  static func problems(of system: SystemState) -> [String] {
    if !system.failedUnits.isEmpty { return system.failedUnits.map { "\($0) has failed" } }
    if system.state == "running" { return [] }
    return [system.state.isEmpty ? "systemd does not answer" : "systemd is \(system.state)"]
  }

  private func scripts() -> [String] {
    folders.flatMap { folder in
      FileTree.names(in: folder).filter { access("\(folder)/\($0)", X_OK) == 0 }.compactMap { name in
        LimitedRun("\(folder)/\(name)", [], timeout: scriptTimeout).problem().map { "\(name): \($0)" }
      }
    }
  }

  private func problem(_ check: HealthCheckPlan) -> String? {
    let problem: String? =
      switch check.kind {
      case .file(let path): FileTree.exists(path) ? nil : "\(path) does not exist"
      case .command(let words):
        words.first.map { LimitedRun($0, Array(words.dropFirst()), timeout: check.timeout).problem() } ?? nil
      case .tcp(let address, let port): PortProbe(address, port, timeout: check.timeout).problem()
      case .http(let address, let port, let path, let text):
        PortProbe(address, port, timeout: check.timeout).problem(get: path, contains: text)
      }
    return problem.map { "\(check.name): \($0)" }
  }
}
