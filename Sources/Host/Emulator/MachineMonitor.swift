import FoundationEssentials
import Glibc

/// QEMU's monitor on a Unix socket, with one connection for each command.
struct MachineMonitor: Sendable {
  var socket: String

  /// Sends one command of the human monitor protocol.
  ///
  /// - Throws: ``EmulatorFailure/noControl(_:)``.
  func send(_ command: String) async throws {
    let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw EmulatorFailure.noControl(String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let capacity = MemoryLayout.size(ofValue: address.sun_path)
    guard socket.utf8.count < capacity else { throw EmulatorFailure.noControl("the path \(socket) is too long") }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socket.utf8) }
    let isConnected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
    guard isConnected else { throw EmulatorFailure.noControl(String(cString: strerror(errno))) }
    let line = Array((command + "\n").utf8)
    guard write(descriptor, line, line.count) == line.count else {
      throw EmulatorFailure.noControl(String(cString: strerror(errno)))
    }
    // The monitor reads only while the connection is open.
    try await Task.sleep(for: .milliseconds(200))
  }
}
