import DeviceModel
import Glibc
import Hashing
import NIOCore
import NIOHTTP1
import NIOSSL

/// An error of a connection to a server. Each reason is a part of a sentence.
public enum HTTPFailure: Error, Equatable, Sendable {
  /// No connection could be made.
  case notConnected(reason: String)
  /// The server's certificate is not accepted.
  ///
  /// - `found`: The certificate's SHA-256; `nil` if an authority was to vouch for it.
  case untrusted(reason: String, found: Digest?)
  /// The connection was lost, or the response is wrong.
  case lost(reason: String)
}

extension HTTPFailure: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notConnected(let reason), .untrusted(let reason, _), .lost(let reason): reason
    }
  }

  /// Explains an error of a channel.
  ///
  /// - Parameter isOpen: True once a request could be sent.
  init(_ error: any Error, isOpen: Bool) {
    if let failure = error as? HTTPFailure {
      self = failure
      return
    }
    let reason: String
    switch error {
    case HTTPParserError.headerOverflow: reason = "the header of the answer is too long"
    case HTTPParserError.invalidEOFState: reason = "the answer ends too early"
    case is HTTPParserError: reason = "the answer is not valid HTTP: \(error)"
    case ChannelError.inputClosed, ChannelError.eof, ChannelError.ioOnClosedChannel: reason = Self.closed
    case ChannelError.connectTimeout(let time):
      reason = "no connection within \(time.nanoseconds / 1_000_000_000) seconds"
    case let error as IOError: reason = String(cString: strerror(error.errnoCode))
    case is NIOSSLError where !isOpen: reason = "it does not speak TLS"
    default: reason = "\(error)"
    }
    self = isOpen ? .lost(reason: reason) : .notConnected(reason: reason)
  }

  static let closed = "the server closed the connection"
}
