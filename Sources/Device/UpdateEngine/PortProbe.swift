import HTTPClient
import LinuxSystem
import NIOCore
import NIOHTTP1
import NIOPosix

/// Probes a TCP port, or requests a page from a web server.
struct PortProbe {
  private let address: String
  private let port: UInt16
  private let timeout: Int

  /// Maximum number of bytes of a page that are searched.
  private static let pageLimit = 1 << 20

  /// - Parameters:
  ///   - address: A numeric address, IPv4 or IPv6.
  ///   - timeout: Seconds for the connection and the answer together.
  init(_ address: String, _ port: Int, timeout: Int) {
    (self.address, self.port, self.timeout) = (address, UInt16(truncatingIfNeeded: port), timeout)
  }

  /// Returns the problem, or `nil` if a connection is accepted.
  func problem() -> String? {
    do {
      _ = try InternetSocket.connect(.stream, to: address, port: port, timeout: timeout * 1000)
      return nil
    } catch {
      return "nothing accepts connections on port \(port)"
    }
  }

  /// Returns the problem with the answer to `GET path`, or `nil` if there is none.
  ///
  /// - Parameter wanted: A text that the first MiB of the body contains.
  func problem(get path: String, contains wanted: String?) -> String? {
    let deadline = NIODeadline.now() + .seconds(Int64(timeout))
    var status: UInt?
    var body: [UInt8] = []
    do {
      let origin = WebAddress.Origin(isSecure: false, host: address, port: port)
      let connection = try HTTPConnection.open(
        to: origin, by: try HTTPRoute(to: origin, at: [address]), nil, timeout: .seconds(Int64(timeout)),
        on: .singletonMultiThreadedEventLoopGroup
      ).wait()
      connection.send(.head(connection.head(.GET, path, [("Connection", "close")])))
      connection.send(.end(nil))
      receiving: while body.count < Self.pageLimit {
        switch try connection.next(within: deadline - .now()).wait() {
        case .head(let head):
          status = head.status.code
          // A page may have no end, such as a stream of events.
          if wanted == nil || !(200..<300).contains(head.status.code) { break receiving }
        case .body(let part):
          body += part.readableBytesView
          if let wanted, String(decoding: body, as: UTF8.self).contains(wanted) { return nil }
        case .end: break receiving
        }
      }
    } catch HTTPFailure.notConnected {
      return "nothing accepts connections on port \(port)"
    } catch {
      return deadline <= .now() ? "no answer within \(timeout) seconds" : "\(error)"
    }
    guard let status else { return "the answer has no status" }
    guard (200..<300).contains(status) else { return "the answer is \(status)" }
    guard let wanted else { return nil }
    return "the answer does not contain “\(wanted)”"
  }
}
