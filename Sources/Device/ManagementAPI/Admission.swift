import NIOConcurrencyHelpers
import NIOCore

/// The open connections, to keep their number within the limits and to close all of them.
///
/// A connection that has shown the token stays. Those without a token are closed to make room for others, so they
/// cannot keep out a client that has the token.
final class Admission: Sendable {
  /// The limit of connections is reached.
  struct Refused: Error {}

  private struct Connection {
    let channel: any Channel
    let address: String
    let number: Int
    var isAuthenticated = false
  }

  private struct State {
    var open: [ObjectIdentifier: Connection] = [:]
    var next = 0

    /// Returns the connection that has been without a token for the longest time.
    func oldestStranger(at address: String? = nil) -> Connection? {
      open.values.filter { !$0.isAuthenticated && (address == nil || $0.address == address) }.min {
        $0.number < $1.number
      }
    }
  }

  private let limit: Int
  private let addressLimit: Int
  private let strangerLimit: Int
  private let state = NIOLockedValueBox(State())

  /// - Parameters:
  ///   - limit: Maximum number of connections.
  ///   - addressLimit: Maximum number of connections from one address.
  ///   - strangerLimit: Maximum number of connections from one address that have not shown the token yet.
  init(limit: Int, addressLimit: Int, strangerLimit: Int) {
    self.limit = limit
    self.addressLimit = addressLimit
    self.strangerLimit = strangerLimit
  }

  /// Adds a connection until it is closed. Returns false if there is no room for it.
  func admit(_ channel: any Channel) -> Bool {
    let id = ObjectIdentifier(channel)
    let address = channel.remoteAddress?.ipAddress ?? ""
    let (isAdmitted, leaving) = state.withLockedValue { state -> (Bool, (any Channel)?) in
      let sameAddress = state.open.values.filter { $0.address == address }
      var leaving: Connection?
      if sameAddress.filter({ !$0.isAuthenticated }).count >= strangerLimit || sameAddress.count >= addressLimit {
        leaving = state.oldestStranger(at: address)
        if leaving == nil { return (false, nil) }
      } else if state.open.count >= limit {
        leaving = state.oldestStranger()
        if leaving == nil { return (false, nil) }
      }
      if let leaving { state.open[ObjectIdentifier(leaving.channel)] = nil }
      state.open[id] = Connection(channel: channel, address: address, number: state.next)
      state.next += 1
      return (true, leaving?.channel)
    }
    leaving?.close(promise: nil)
    if isAdmitted {
      channel.closeFuture.whenComplete { [state] _ in state.withLockedValue { $0.open[id] = nil } }
    }
    return isAdmitted
  }

  /// Marks a connection that has shown the token.
  func authenticate(_ channel: any Channel) {
    state.withLockedValue { $0.open[ObjectIdentifier(channel)]?.isAuthenticated = true }
  }

  /// Ends all connections.
  func closeAll() throws {
    for channel in state.withLockedValue({ $0.open.values.map(\.channel) }) { try? channel.close().wait() }
  }
}
