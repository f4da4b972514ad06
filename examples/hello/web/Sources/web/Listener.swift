import Glibc

/// A TCP port on every IPv4 and IPv6 address. Requests are answered one after the other.
struct Listener {
  private let socket: Int32

  /// Opens a port.
  init(port: UInt16) throws(SystemError) {
    socket = try check(Glibc.socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0), "open a socket")
    // A restarted program must not wait until the kernel has closed its old connections.
    var yes: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    try check(setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, size), "set up the socket")
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_port = port.bigEndian
    let bound = withUnsafeBytes(of: &address) { bytes in
      bind(socket, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t(bytes.count))
    }
    try check(bound, "take port \(port)")
    try check(listen(socket, 64), "listen on port \(port)")
  }

  /// Answers requests forever.
  ///
  /// - Parameter answer: Returns the response for a path.
  func serve(_ answer: (_ path: Substring) -> Response) {
    while true {
      let connection = accept(socket, nil, nil)
      guard connection >= 0 else { continue }
      // A client that sends nothing must not block the others.
      var patience = timeval(tv_sec: 2, tv_usec: 0)
      setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
      if let path = requestedPath(connection) {
        send(answer(path).text, to: connection)
      }
      close(connection)
    }
  }

  /// The path in the first line of a request: `GET /path HTTP/1.1`.
  private func requestedPath(_ connection: Int32) -> Substring? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    var request = ""
    while !request.utf8.contains(UInt8(ascii: "\n")), request.utf8.count < 8192 {
      let count = recv(connection, &buffer, buffer.count, 0)
      guard count > 0 else { return nil }
      request += String(decoding: buffer[..<count], as: UTF8.self)
    }
    let words = request.prefix { !$0.isNewline }.split(separator: " ")
    return words.count == 3 && words[0] == "GET" ? words[1] : nil
  }

  private func send(_ text: String, to connection: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}

/// An answer to a request.
struct Response {
  /// Status with its reason: `200 OK`.
  var status: String
  /// The page.
  var body: String

  /// The response in HTTP/1.1.
  var text: String {
    """
    HTTP/1.1 \(status)\r
    Content-Type: text/plain; charset=utf-8\r
    Content-Length: \(body.utf8.count)\r
    Connection: close\r
    \r
    \(body)
    """
  }
}
