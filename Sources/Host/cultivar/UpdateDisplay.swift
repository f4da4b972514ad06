import ArgumentParser
import DeviceModel
import FoundationEssentials
import HostSystem
import RemoteDevice
import Synchronization

/// Shows the progress of an update: in one changing line on a terminal, otherwise in a line for each ten percent.
final class UpdateDisplay: Sendable {
  private struct State {
    var tenths = -1
    var health: HealthReport?
    var line = StatusLine()
  }

  private let isQuiet: Bool
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
    if state.line.canChange {
      state.line.change(to: progress.summary.escapedForTerminal)
    } else if progress.tenths > state.tenths {
      state.tenths = progress.tenths
      line(progress.summary, &state)
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
    state.line.print(text.escapedForTerminal)
  }
}
