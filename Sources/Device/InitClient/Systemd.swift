import DeviceModel
import FoundationEssentials
import LinuxSystem

/// The state of systemd, as reported by `systemctl`.
public enum Systemd {
  /// True if systemd runs the machine (`sd_booted(3)`).
  public static var runsMachine: Bool { FileTree.exists("/run/systemd/system") }

  /// Returns the state of the system and its units.
  public static func state() -> SystemState {
    let failed = answer(["list-units", "--failed", "--plain", "--no-legend"])
    return SystemState(
      state: answer(["is-system-running"]),
      failedUnits: failed.split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) },
      restarts: restarts(in: answer(["show", "--property=Id,NRestarts", "--type=service", "*"])))
  }

  /// Parses the restart counts of units from the output of `systemctl show`, which has a paragraph for each unit.
  static func restarts(in text: String) -> [String: Int] {
    var restarts: [String: Int] = [:]
    for paragraph in text.split(separator: "\n\n") {
      var (name, count) = ("", 0)
      for line in paragraph.split(separator: "\n") {
        if line.hasPrefix("Id=") { name = String(line.dropFirst(3)) }
        if line.hasPrefix("NRestarts=") { count = Int(line.dropFirst(10)) ?? 0 }
      }
      if !name.isEmpty, count > 0 { restarts[name] = count }
    }
    return restarts
  }

  /// Returns the output of `systemctl` without surrounding space, for any exit status. Empty if it could not be run.
  private static func answer(_ arguments: [String]) -> String {
    let start = ProcessStart(
      "/usr/bin/systemctl", ["systemctl"] + arguments,
      environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"])
    guard let result = try? ChildProcess.run(start) else { return "" }
    return String(decoding: result.output.trimmingSpace, as: UTF8.self)
  }
}
