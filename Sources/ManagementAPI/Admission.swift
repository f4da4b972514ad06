import NIOConcurrencyHelpers
import NIOCore

/// Counts connections, so that there are never more than the limit.
final class Admission: Sendable {
  /// There are as many connections as there may be.
  struct Refused: Error {}

  private let limit: Int
  private let count = NIOLockedValueBox(0)

  init(limit: Int) {
    self.limit = limit
  }

  /// Takes a connection in, until it is closed; whether there is room for it.
  func admit(_ channel: any Channel) -> Bool {
    let isAdmitted = count.withLockedValue { count in
      guard count < limit else { return false }
      count += 1
      return true
    }
    if isAdmitted {
      channel.closeFuture.whenComplete { [count] _ in count.withLockedValue { $0 -= 1 } }
    }
    return isAdmitted
  }
}
