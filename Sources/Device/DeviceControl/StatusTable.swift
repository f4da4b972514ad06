import DeviceModel
import LinuxSystem

/// The programs as a table for a terminal.
public enum StatusTable {
  /// The lines of the table, each with its newline.
  public static func text(_ status: SupervisorStatus) -> String {
    let head = ["PROGRAM", "STATE", "PID", "FOR", "RESTARTS", "MEMORY", "NOTE"]
    return TextTable.text([head] + status.programs.map(row))
  }

  private static func row(_ program: ProgramStatus) -> [String] {
    let note = program.waitingFor.map { "waits for \($0)" } ?? program.lastEnd.map { "last: \($0)" } ?? ""
    return [
      program.name, program.state.rawValue, program.pid.map(String.init) ?? "-",
      program.runningFor.map(duration) ?? "-", String(program.restarts), program.memory.map(size) ?? "-", note,
    ]
  }

  private static func duration(_ seconds: Int) -> String {
    switch seconds {
    case ..<60: "\(seconds)s"
    case ..<3600: "\(seconds / 60)m\(seconds % 60)s"
    case ..<86_400: "\(seconds / 3600)h\(seconds / 60 % 60)m"
    default: "\(seconds / 86_400)d\(seconds / 3600 % 24)h"
    }
  }

  private static func size(_ bytes: Int64) -> String {
    switch bytes {
    case ..<1024: "\(bytes) B"
    case ..<(1 << 20): "\(bytes >> 10) KiB"
    default: "\(bytes >> 20) MiB"
    }
  }
}
