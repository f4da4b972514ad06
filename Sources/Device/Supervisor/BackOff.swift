import DeviceModel

/// The pauses before a program is started again.
struct BackOff {
  private let policy: RestartPolicy
  private var nextDelay: Int

  init(_ policy: RestartPolicy) {
    self.policy = policy
    nextDelay = policy.initialDelay
  }

  /// The pause after a run, in milliseconds; `nil` where the program is not started again.
  ///
  /// - Parameters:
  ///   - succeeded: whether the program ended with status 0.
  ///   - duration: milliseconds for which it ran.
  mutating func delay(succeeded: Bool, duration: Int) -> Int? {
    switch policy.condition {
    case .never: return nil
    case .onFailure where succeeded: return nil
    case .always, .onFailure: break
    }
    if duration >= policy.resetAfter { nextDelay = policy.initialDelay }
    let delay = min(nextDelay, policy.maximumDelay)
    nextDelay = min(max(1, nextDelay).multipliedReportingOverflow(by: 2).partialValue, policy.maximumDelay)
    return delay
  }
}
