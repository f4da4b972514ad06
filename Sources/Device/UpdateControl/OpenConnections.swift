import Synchronization

/// Counts the updater's connections, so that there are never more than limits, and some room is always left for root and for orders.
final class OpenConnections: Sendable {
  /// Connections at a time.
  private static let most = 32
  /// Of these, those of others than root.
  private static let mostOfOthers = 24
  /// Of these, those that only follow.
  private static let mostFollowers = 16

  private struct Counts {
    var all = 0
    var others = 0
    var followers = 0
  }

  private let counts = Mutex(Counts())

  /// Whether there is room for one more of a user, which is taken then.
  func take(user: UInt32) -> Bool {
    counts.withLock { counts in
      guard counts.all < Self.most, user == 0 || counts.others < Self.mostOfOthers else { return false }
      counts.all += 1
      if user != 0 { counts.others += 1 }
      return true
    }
  }

  /// Gives the room of a connection back.
  func giveBack(user: UInt32) {
    counts.withLock { counts in
      counts.all -= 1
      if user != 0 { counts.others -= 1 }
    }
  }

  /// Does something for a connection that only follows; whether there was room for it.
  func following(_ body: () throws -> Void) rethrows -> Bool {
    let isTaken = counts.withLock { counts in
      guard counts.followers < Self.mostFollowers else { return false }
      counts.followers += 1
      return true
    }
    guard isTaken else { return false }
    defer { counts.withLock { $0.followers -= 1 } }
    try body()
    return true
  }
}
