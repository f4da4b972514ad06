import Glibc
import DeviceModel
import LinuxSystem

/// Watches a release on trial until it was well for long enough, or has had its time.
struct HealthGate {
  /// How the watching ended.
  enum Verdict: Equatable {
    /// Everything was well for as long as it has to be.
    case well
    /// Something was not, until the time was over.
    case givenUp([String])
    /// Somebody else has decided.
    case over
  }

  /// How long.
  var plan: HealthPlan
  /// What is not well now.
  var problems: () -> [String]
  /// Milliseconds of a clock that never jumps.
  var now: () -> UInt64 = { EventLoop.now }
  /// Waits for so many milliseconds.
  var pause: (UInt64) -> Void = { usleep(UInt32($0) * 1000) }
  /// Is told after each look; whether there is still something to watch for.
  var report: (HealthReport) -> Bool

  private static let interval: UInt64 = 1000

  /// Watches.
  func run() -> Verdict {
    let start = now()
    var wellSince: UInt64?
    var lastProblems: [String] = []
    while true {
      let problems = problems()
      if !problems.isEmpty { lastProblems = problems }
      let time = now()
      if problems.isEmpty { wellSince = wellSince ?? time } else { wellSince = nil }
      let wellFor = wellSince.map { Int((time - $0) / 1000) } ?? 0
      let remaining = plan.timeout - Int((time - start) / 1000)
      guard
        report(
          HealthReport(problems: problems, wellFor: wellFor, duration: plan.duration, remaining: max(0, remaining)))
      else { return .over }
      if problems.isEmpty && wellFor >= plan.duration { return .well }
      if remaining <= 0 {
        guard problems.isEmpty else { return .givenUp(problems) }
        let last = lastProblems.isEmpty ? "" : ": \(lastProblems.joined(separator: "; "))"
        return .givenUp(["it was not well for \(plan.duration) s without a break\(last)"])
      }
      pause(Self.interval)
    }
  }
}
