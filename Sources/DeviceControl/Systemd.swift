import DeviceModel
import FoundationEssentials
import LinuxSystem

/// systemd, as its own tool tells of it.
public enum Systemd {
  /// Whether it runs the machine (`sd_booted(3)`).
  public static var runsMachine: Bool { FileTree.exists("/run/systemd/system") }

  /// How the system does.
  public static func state() -> SystemState {
    let failed = answer(["list-units", "--failed", "--plain", "--no-legend"])
    return SystemState(
      state: answer(["is-system-running"]),
      failedUnits: failed.split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) })
  }

  /// What `systemctl` prints, without space around it, whatever its status; empty where it could not be run.
  private static func answer(_ arguments: [String]) -> String {
    let start = ProcessStart(
      "/usr/bin/systemctl", ["systemctl"] + arguments,
      environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"])
    guard let result = try? ChildProcess.run(start) else { return "" }
    return String(decoding: result.output.trimmingSpace, as: UTF8.self)
  }
}
