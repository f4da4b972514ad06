import DeviceModel

/// The delays before a program is started again.
struct BackOff {
  private let policy: RestartPolicy
  private var nextDelay: Int

  init(_ policy: RestartPolicy) {
    self.policy = policy
    nextDelay = policy.initialDelay
  }

  /// Returns the delay after a run in milliseconds, or `nil` if the program is not started again.
  ///
  /// - Parameters:
  ///   - succeeded: True if the program ended with status 0.
  ///   - duration: The length of the run in milliseconds.
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
