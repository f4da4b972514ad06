import DeviceModel
import FoundationEssentials
import LinuxSystem

/// A client of the control socket on the same thread as the server: while it waits, the bench's loop runs.
final class Conversation {
  private let connection: Descriptor
  private let bench: Bench
  private var received: [UInt8] = []

  init(_ path: String, _ bench: Bench) throws {
    connection = try UnixSocket.connect(to: path)
    self.bench = bench
  }

  /// Sends bytes without waiting for an answer.
  func send(_ text: String) throws {
    try connection.write(all: Array(text.utf8))
  }

  /// Sends a line and returns the answer, or `nil` if the connection is closed.
  func ask(_ line: String) throws -> ControlReply? {
    try send(line)
    return try answer()
  }

  /// Returns the next answer, or `nil` if the connection is closed.
  func answer() throws -> ControlReply? {
    var isClosed = false
    _ = bench.turn {
      if received.contains(UInt8(ascii: "\n")) { return true }
      if connection.waitUntilReadable(timeout: 0) {
        let bytes = (try? connection.read(atMost: 65_536)) ?? []
        isClosed = bytes.isEmpty
        received += bytes
      }
      return isClosed
    }
    guard let end = received.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    defer { received.removeSubrange(...end) }
    return try JSONDecoder().decode(ControlReply.self, from: Data(received[..<end]))
  }
}
