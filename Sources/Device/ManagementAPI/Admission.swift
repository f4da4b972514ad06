import NIOConcurrencyHelpers
import NIOCore

/// The connections that there are, so that there are never more than the limits, and that all can be ended.
///
/// Whoever has shown the token stays. The others make room for each other, so that nobody without a token keeps somebody with one away.
final class Admission: Sendable {
  /// There are as many connections as there may be.
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

    /// The connection that has been without a token for the longest time.
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
  ///   - limit: Connections at a time.
  ///   - addressLimit: Of these from one address.
  ///   - strangerLimit: Of these without a token yet.
  init(limit: Int, addressLimit: Int, strangerLimit: Int) {
    self.limit = limit
    self.addressLimit = addressLimit
    self.strangerLimit = strangerLimit
  }

  /// Takes a connection in, until it is closed; whether there is room for it.
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

  /// Notes that a connection has shown the token.
  func authenticate(_ channel: any Channel) {
    state.withLockedValue { $0.open[ObjectIdentifier(channel)]?.isAuthenticated = true }
  }

  /// Ends all connections.
  func closeAll() throws {
    for channel in state.withLockedValue({ $0.open.values.map(\.channel) }) { try? channel.close().wait() }
  }
}
