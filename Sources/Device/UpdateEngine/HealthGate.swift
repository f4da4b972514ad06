import Glibc
import DeviceModel
import LinuxSystem

/// Watches a release on trial until it was healthy for long enough, or its time is over.
struct HealthGate {
  /// The result of the watch.
  enum Verdict: Equatable {
    /// The release was healthy for the required time.
    case well
    /// The release had problems until the time was over.
    case givenUp([String])
    /// The trial was decided elsewhere.
    case over
  }

  /// The required duration and the timeout.
  var plan: HealthPlan
  /// Returns the current problems.
  var problems: () -> [String]
  /// Milliseconds of a monotonic clock.
  var now: () -> UInt64 = { EventLoop.now }
  /// Waits for a number of milliseconds.
  var pause: (UInt64) -> Void = { usleep(UInt32($0) * 1000) }
  /// Receives a report after each check. Returns false to end the watch.
  var report: (HealthReport) -> Bool

  private static let interval: UInt64 = 1000

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
        return .givenUp(["it was not healthy for \(plan.duration) s without interruption\(last)"])
      }
      pause(Self.interval)
    }
  }
}
