import Glibc
import LinuxSystem

/// One exchange with a server on this machine: sends bytes and reads until the server closes the connection, or says nothing for a while.
struct Exchange {
  let text: String

  init(port: Int, _ request: String) throws {
    let connection = Descriptor(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(connection.number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw SystemError("connect to", "port \(port)") }
    signal(SIGPIPE, SIG_IGN)
    try? connection.write(all: Array(request.utf8))
    var received: [UInt8] = []
    while connection.waitUntilReadable(timeout: 3000),
      let bytes = try? connection.read(atMost: 65_536), !bytes.isEmpty
    {
      received += bytes
    }
    text = String(decoding: received, as: UTF8.self)
  }

  /// The status code of the first answer.
  var status: Int? { text.split(separator: " ").dropFirst().first.flatMap { Int($0) } }
}
