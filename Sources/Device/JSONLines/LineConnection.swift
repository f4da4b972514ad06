import FoundationEssentials
import LinuxSystem

/// A connection that carries JSON objects, one on each line. A descriptor can accompany a line.
final class LineConnection {
  let descriptor: Descriptor
  private let limit: Int
  private var received: [UInt8] = []

  /// - Parameter limit: Maximum number of bytes in a line.
  init(_ descriptor: Descriptor, limit: Int) {
    self.descriptor = descriptor
    self.limit = limit
  }

  func send(_ value: some Encodable, passing passed: Descriptor? = nil) throws {
    try UnixSocket.send(
      Array(try JSONEncoder().encode(value)) + [UInt8(ascii: "\n")], passing: passed, over: descriptor)
  }

  /// Returns true if data arrives within a number of milliseconds.
  func isAnswered(within timeout: Int) -> Bool {
    received.contains(UInt8(ascii: "\n")) || descriptor.waitUntilReadable(timeout: timeout)
  }

  /// Receives the next object and the descriptor that came with it. Returns `nil` at the end, or if a line is too long.
  func receive<Value: Decodable>(_ type: Value.Type) throws -> (value: Value, passed: Descriptor?)? {
    var passed: Descriptor?
    while true {
      if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
        let line = Data(received[..<end])
        received.removeSubrange(...end)
        return (try JSONDecoder().decode(type, from: line), passed)
      }
      guard received.count < limit else { return nil }
      let part = try UnixSocket.receive(atMost: min(65_536, limit), from: descriptor)
      if part.bytes.isEmpty { return nil }
      received += part.bytes
      passed = part.passed ?? passed
    }
  }
}
