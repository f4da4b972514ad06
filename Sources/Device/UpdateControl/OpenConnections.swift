import Synchronization

/// Counts the updater's connections to keep them within limits, with some always reserved for root and for commands.
final class OpenConnections: Sendable {
  /// Maximum number of connections.
  private static let most = 32
  /// Maximum number of connections of users other than root.
  private static let mostOfOthers = 24
  /// Maximum number of connections that only follow the status.
  private static let mostFollowers = 16

  private struct Counts {
    var all = 0
    var others = 0
    var followers = 0
  }

  private let counts = Mutex(Counts())

  /// Reserves a connection for a user. Returns false if there is no room.
  func take(user: UInt32) -> Bool {
    counts.withLock { counts in
      guard counts.all < Self.most, user == 0 || counts.others < Self.mostOfOthers else { return false }
      counts.all += 1
      if user != 0 { counts.others += 1 }
      return true
    }
  }

  /// Releases a connection.
  func giveBack(user: UInt32) {
    counts.withLock { counts in
      counts.all -= 1
      if user != 0 { counts.others -= 1 }
    }
  }

  /// Runs a closure for a connection that only follows the status. Returns false if there is no room for it.
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
