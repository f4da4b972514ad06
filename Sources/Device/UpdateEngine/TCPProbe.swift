import Glibc
import LinuxSystem

/// Probes a TCP port, or requests a page from a web server.
struct TCPProbe {
  private let address: String
  private let port: Int
  private let timeout: Int
  private static let pageLimit = 1 << 20

  /// - Parameters:
  ///   - address: A numeric address, IPv4 or IPv6.
  ///   - timeout: Seconds for the connection and the answer together.
  init(_ address: String, _ port: Int, timeout: Int) {
    self.address = address
    self.port = port
    self.timeout = timeout
  }

  /// Returns the problem, or `nil` if a connection is accepted.
  func problem() -> String? { attempt { _, _ in nil } }

  /// Returns the problem with the answer to `GET path`, or `nil` if there is none.
  func problem(get path: String, contains wanted: String?) -> String? {
    attempt { connection, deadline in
      let host = address.contains(":") ? "[\(address)]" : address
      try connection.write(
        all: Array("GET \(path) HTTP/1.0\r\nHost: \(host):\(port)\r\nConnection: close\r\n\r\n".utf8))
      var answer: [UInt8] = []
      while answer.count < Self.pageLimit {
        let now = EventLoop.now
        guard now < deadline, connection.waitUntilReadable(timeout: Int(deadline - now)) else {
          return "no answer within \(timeout) seconds"
        }
        guard let part = try connection.read(atMost: 65_536), !part.isEmpty else { break }
        answer += part
      }
      let text = String(decoding: answer, as: UTF8.self)
      let words = text.prefix { $0 != "\r\n" && $0 != "\n" }.split(separator: " ")
      guard words.count >= 2, let status = Int(words[1]), (200..<300).contains(status) else {
        return "the answer is \(words.dropFirst().joined(separator: " "))"
      }
      guard let wanted, !text.contains(wanted) else { return nil }
      return "the answer does not contain “\(wanted)”"
    }
  }

  private func attempt(_ body: (Descriptor, UInt64) throws -> String?) -> String? {
    let deadline = EventLoop.now + UInt64(timeout) * 1000
    do {
      guard let connection = try connect(until: deadline) else { return "nothing accepts connections on port \(port)" }
      return try body(connection, deadline)
    } catch {
      return "\(error)"
    }
  }

  private func connect(until deadline: UInt64) throws -> Descriptor? {
    var four = sockaddr_in()
    var six = sockaddr_in6()
    let isFour = inet_pton(AF_INET, address, &four.sin_addr) == 1
    guard isFour || inet_pton(AF_INET6, address, &six.sin6_addr) == 1 else { return nil }
    let family = isFour ? AF_INET : AF_INET6
    let number = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw SystemError("make", "a socket") }
    let connection = Descriptor(owning: number)
    var limit = timeval(tv_sec: timeout, tv_usec: 0)
    // The kernel also uses the send timeout as the connection timeout.
    setsockopt(number, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    four.sin_family = sa_family_t(AF_INET)
    four.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
    six.sin6_family = sa_family_t(AF_INET6)
    six.sin6_port = four.sin_port
    func call(_ pointer: UnsafeRawPointer, _ size: Int) -> Bool {
      Glibc.connect(number, pointer.assumingMemoryBound(to: sockaddr.self), socklen_t(size)) == 0
    }
    let isConnected =
      isFour
      ? withUnsafePointer(to: &four) { call($0, MemoryLayout<sockaddr_in>.size) }
      : withUnsafePointer(to: &six) { call($0, MemoryLayout<sockaddr_in6>.size) }
    return isConnected ? connection : nil
  }
}
