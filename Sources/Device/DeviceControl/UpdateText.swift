import DeviceModel
import LinuxSystem

/// The output of `cultivarctl` about updates.
enum UpdateText {
  static func installed(_ record: UpdateRecord, _ restart: UpdateRequest.Restart) -> String {
    let then =
      switch restart {
      case .now: "the device restarts into it"
      case .later: "it is tried at the next start"
      case .no: "`cultivarctl update try` restarts into it"
      }
    return "release \(record.version) is installed in slot \(record.slot.rawValue); \(then)\n"
  }

  static func slots(_ status: UpdateStatus) -> String {
    TextTable.text(
      status.slots.map { slot in
        let words =
          (slot.isRunning ? ["running"] : []) + (slot.isStandard ? ["default"] : [])
          + (status.trial.map { $0.slot == slot.slot ? ["on trial"] : [] } ?? [])
          + (slot.isStartable || slot.isRunning ? [] : ["empty"])
        return [slot.slot.rawValue, slot.version ?? "-", words.joined(separator: ", ")]
      })
  }

  static func status(_ status: UpdateStatus) -> String {
    var lines = ["\(status.image.project) \(status.image.image) \(status.image.version), started by \(status.loader)"]
    switch status.activity {
    case .idle: break
    case .preparing: lines.append("checking a bundle; nothing has been written yet")
    case .installing(let progress), .checking(let progress): lines.append(progress.summary)
    case .watching(let report): lines += health(report)
    }
    if let trial = status.trial, !trial.isRunning {
      lines.append("release \(trial.version) in slot \(trial.slot.rawValue) waits for its trial")
    }
    return lines.joined(separator: "\n") + "\n" + slots(status)
  }

  private static func health(_ report: HealthReport) -> [String] {
    if report.problems.isEmpty {
      let rest = max(0, report.duration - report.wellFor)
      return ["on trial: healthy; it is committed in \(rest) s if it stays healthy"]
    }
    return ["on trial: not healthy; the device falls back in \(report.remaining) s, unless these problems end:"]
      + report.problems.map { "  \($0)" }
  }

  static func history(_ status: UpdateStatus) -> String {
    TextTable.text(
      status.history.map { record in
        let outcome =
          switch record.outcome {
          case .installed: "installed"
          case .committed: "committed"
          case .rolledBack: "rolled back"
          case .failed: "failed"
          }
        let reason = record.reason.map { ": \($0)" } ?? ""
        return ["\(record.time)", record.version, "slot \(record.slot.rawValue)", "\(outcome)\(reason)"]
      })
  }
}
