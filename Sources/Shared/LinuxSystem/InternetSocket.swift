import CLinuxSystem
import Glibc

/// Connected sockets to numeric addresses.
public enum InternetSocket {
  /// The type of a socket.
  public enum Kind: Sendable {
    /// Datagrams (UDP).
    case messages
    /// A byte stream (TCP).
    case stream
  }

  /// Connects to an address.
  ///
  /// - Parameters:
  ///   - address: `192.0.2.7`, `2001:db8::7`, or `fe80::7%eth0`.
  ///   - timeout: Timeout in milliseconds for the connection and for each later read or write.
  /// - Throws: ``SystemError``.
  public static func connect(
    _ kind: Kind, to address: String, port: UInt16, timeout: Int
  ) throws(SystemError) -> Descriptor {
    let parts = address.split(separator: "%", maxSplits: 1).map(String.init)
    guard let first = parts.first, let numbers = NetworkAddress(first)?.bytes else {
      throw SystemError("connect to", address, code: EINVAL)
    }
    let isIPv6 = numbers.count == 16
    let type = Int32((kind == .messages ? SOCK_DGRAM : SOCK_STREAM).rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let socket = Descriptor(
      owning: try check("make a socket for", address) { Glibc.socket(isIPv6 ? AF_INET6 : AF_INET, type, 0) })
    var limit = timeval(tv_sec: timeout / 1000, tv_usec: timeout % 1000 * 1000)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      try check("set the time limit of a socket to", address) {
        setsockopt(socket.number, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
      }
    }
    func connect<Address>(_ value: Address) throws(SystemError) {
      let result = withUnsafePointer(to: value) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Glibc.connect(socket.number, $0, socklen_t(MemoryLayout<Address>.size))
        }
      }
      // After the send timeout, `connect` fails with EINPROGRESS (socket(7)).
      guard result == 0 else {
        throw SystemError("connect to", address, code: errno == EINPROGRESS ? ETIMEDOUT : errno)
      }
    }
    if isIPv6 {
      var value = sockaddr_in6()
      value.sin6_family = sa_family_t(AF_INET6)
      value.sin6_port = port.bigEndian
      value.sin6_scope_id = parts.count > 1 ? if_nametoindex(parts[1]) : 0
      withUnsafeMutableBytes(of: &value.sin6_addr) { $0.copyBytes(from: numbers) }
      try connect(value)
    } else {
      var value = sockaddr_in()
      value.sin_family = sa_family_t(AF_INET)
      value.sin_port = port.bigEndian
      withUnsafeMutableBytes(of: &value.sin_addr) { $0.copyBytes(from: numbers) }
      try connect(value)
    }
    return socket
  }
}
