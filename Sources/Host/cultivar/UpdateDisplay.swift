import ArgumentParser
import DeviceModel
import DiskImage
import FoundationEssentials
import Glibc
import HostSystem
import RemoteDevice
import Synchronization

/// Shows the progress of an update: in one changing line on a terminal, otherwise in a line for each ten percent.
final class UpdateDisplay: Sendable {
  private struct State {
    var tenth = -1
    var health: HealthReport?
    var hasLine = false
  }

  private let isQuiet: Bool
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let state = Mutex(State())

  init(isQuiet: Bool) { self.isQuiet = isQuiet }

  @Sendable func show(_ step: RemoteUpdate.Step) {
    guard !isQuiet else { return }
    state.withLock { state in
      switch step {
      case .begun(let name): line(name, &state)
      case .doesNotFit(let name): line("\(name) is not for the release that is running", &state)
      case .installing(let progress): install(progress, &state)
      case .installed(let record):
        line("release \(record.version) is installed in slot \(record.slot.rawValue)", &state)
      case .away: line("the device restarts", &state)
      case .watching(let health): watch(health, &state)
      }
    }
  }

  /// Shows the outcome.
  ///
  /// - Throws: `ExitCode` if the device fell back.
  func end(_ outcome: RemoteUpdate.Outcome) throws {
    switch outcome {
    case .committed(let record):
      if !isQuiet { print("release \(record.version) runs and is committed".escapedForTerminal) }
    case .waiting(let record):
      if !isQuiet { print("release \(record.version) is installed, and waits for its trial".escapedForTerminal) }
    case .fellBack(let record):
      let reason = record.reason.map { ": \($0)" } ?? ""
      let text =
        "cultivar: error: release \(record.version) failed; the device fell back to the previous release\(reason)\n"
      StandardError.write(text.escapedForTerminal)
      throw ExitCode.failure
    }
  }

  private func install(_ progress: InstallProgress, _ state: inout State) {
    guard progress.total > 0 else { return }
    let isChecked = progress.checked > 0
    let percent = (isChecked ? progress.checked : progress.done) * 100 / progress.total
    // The percentages start again when the written data is verified.
    let tenth = Int(percent / 10) + (isChecked ? 11 : 0)
    let text =
      "\(isChecked ? "checking" : "installing") \(progress.version): \(percent) %, \(ByteSize(bytes: Int64(clamping: progress.fetched))) received, "
      + "\(ByteSize(bytes: Int64(clamping: progress.written))) written"
    if isTerminal {
      write("\r\u{1b}[K\(text.escapedForTerminal)")
      state.hasLine = true
    } else if tenth > state.tenth {
      state.tenth = tenth
      line(text, &state)
    }
  }

  private func watch(_ health: HealthReport, _ state: inout State) {
    guard health.problems != state.health?.problems else { return }
    state.health = health
    line(
      health.problems.isEmpty
        ? "on trial: healthy; will be committed in \(max(0, health.duration - health.wellFor)) s if it stays healthy"
        : "on trial: " + health.problems.joined(separator: "; "), &state)
  }

  private func line(_ text: String, _ state: inout State) {
    let text = text.escapedForTerminal
    write(state.hasLine ? "\n\(text)\n" : "\(text)\n")
    state.hasLine = false
  }

  private func write(_ text: String) { StandardError.write(text) }
}
