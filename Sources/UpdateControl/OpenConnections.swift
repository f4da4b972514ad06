import Synchronization

/// Counts connections, so that there are never more than a limit.
final class OpenConnections: Sendable {
  private let rest: Mutex<Int32>

  init(limit: Int32) { rest = Mutex(limit) }

  /// Whether there is room for one more, which is taken then.
  func take() -> Bool {
    rest.withLock { rest in
      guard rest > 0 else { return false }
      rest -= 1
      return true
    }
  }

  func giveBack() { rest.withLock { $0 += 1 } }
}
