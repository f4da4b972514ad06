import NIOConcurrencyHelpers
import NIOCore

/// The connections that there are, so that there are never more than the limit, and that all can be ended.
final class Admission: Sendable {
  /// There are as many connections as there may be.
  struct Refused: Error {}

  private let limit: Int
  private let open = NIOLockedValueBox<[ObjectIdentifier: any Channel]>([:])

  init(limit: Int) {
    self.limit = limit
  }

  /// Takes a connection in, until it is closed; whether there is room for it.
  func admit(_ channel: any Channel) -> Bool {
    let id = ObjectIdentifier(channel)
    let isAdmitted = open.withLockedValue { open in
      guard open.count < limit else { return false }
      open[id] = channel
      return true
    }
    if isAdmitted {
      channel.closeFuture.whenComplete { [open] _ in open.withLockedValue { $0[id] = nil } }
    }
    return isAdmitted
  }

  /// Ends all connections.
  func closeAll() throws {
    for channel in open.withLockedValue({ Array($0.values) }) { try channel.close().wait() }
  }
}
