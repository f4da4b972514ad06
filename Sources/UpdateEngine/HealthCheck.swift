import DeviceControl
import DeviceModel
import Glibc
import LinuxSystem

/// Looks whether everything is well: programs or units, scripts in the health folders, and what the plan declares.
public struct HealthCheck: Sendable {
  /// Folders with scripts; each executable file in them is a check.
  var folders = ["/usr/lib/cultivar/health.d", "/etc/cultivar/health.d"]
  /// Seconds that a script may take.
  var scriptTimeout = 30
  /// What is declared.
  var checks: [HealthCheckPlan]

  /// Looks at what a plan declares besides what every device looks at.
  public init(_ plan: HealthPlan) { checks = plan.checks }

  /// What is not well, in sentences; empty where everything is.
  func problems() -> [String] { services() + scripts() + checks.compactMap(problem) }

  private func services() -> [String] {
    if FileTree.exists(DevicePaths.controlSocket) { return programs() }
    return FileTree.exists("/run/systemd/system") ? units() : []
  }

  /// Of an appliance: every program that is to run runs.
  private func programs() -> [String] {
    guard case .status(let status)? = try? ControlClient().ask(.status) else { return ["init does not answer"] }
    return status.programs.compactMap(Self.problem)
  }

  static func problem(_ program: ProgramStatus) -> String? {
    switch program.state {
    case .running, .stopped: nil
    case .ended: program.lastEnd == "status 0" ? nil : "\(program.name) ended: \(program.lastEnd ?? "not started")"
    case .waiting: "\(program.name) waits for \(program.waitingFor ?? "its start")"
    case .stopping, .restarting: "\(program.name) does not stay: \(program.lastEnd ?? "it is being stopped")"
    }
  }

  /// Of a system: systemd has started everything, and no unit has failed.
  private func units() -> [String] {
    let failed = ChildOutput.text(of: "/usr/bin/systemctl", ["list-units", "--failed", "--plain", "--no-legend"])
    let names = failed.split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) }
    if !names.isEmpty { return names.map { "\($0) has failed" } }
    let state = ChildOutput.text(of: "/usr/bin/systemctl", ["is-system-running"])
    return state == "running" ? [] : ["systemd is \(state.isEmpty ? "not to be asked" : state)"]
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
      case .file(let path): FileTree.exists(path) ? nil : "\(path) is not there"
      case .command(let words):
        words.first.map { LimitedRun($0, Array(words.dropFirst()), timeout: check.timeout).problem() } ?? nil
      case .tcp(let address, let port): TCPProbe(address, port, timeout: check.timeout).problem()
      case .http(let address, let port, let path, let text):
        TCPProbe(address, port, timeout: check.timeout).problem(get: path, contains: text)
      }
    return problem.map { "\(check.name): \($0)" }
  }
}

/// The output of a short program.
enum ChildOutput {
  /// What it printed, without space around it, whatever its status; empty where it could not be run.
  static func text(of executable: String, _ arguments: [String]) -> String {
    let start = ProcessStart(
      executable, [executable] + arguments, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"])
    guard let result = try? ChildProcess.run(start) else { return "" }
    return String(decoding: result.output.trimmingSpace, as: UTF8.self)
  }
}
