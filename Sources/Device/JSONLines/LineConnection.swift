import FoundationEssentials
import LinuxSystem

/// A connection that carries JSON objects, one on each line. A descriptor can accompany a line.
public final class LineConnection {
  public let descriptor: Descriptor
  private let limit: Int
  private var received: LineBuffer

  /// - Parameters:
  ///   - descriptor: A Unix domain socket in blocking mode.
  ///   - limit: Maximum number of bytes in a line.
  public init(_ descriptor: Descriptor, limit: Int) {
    self.descriptor = descriptor
    self.limit = limit
    received = LineBuffer(limit: limit)
  }

  public func send(_ value: some Encodable, passing passed: Descriptor? = nil) throws {
    try UnixSocket.send(try JSONLine.bytes(value), passing: passed, over: descriptor)
  }

  /// Returns true if data arrives within a number of milliseconds.
  public func isAnswered(within timeout: Int) -> Bool {
    received.hasLine || descriptor.waitUntilReadable(timeout: timeout)
  }

  /// Receives the next object and the descriptor that came with it. Returns `nil` at the end.
  ///
  /// - Throws: `LineBuffer.TooLong`, `SystemError`, and `DecodingError` for a line that is not such an object.
  public func receive<Value: Decodable>(_ type: Value.Type) throws -> (value: Value, passed: Descriptor?)? {
    var passed: Descriptor?
    while true {
      if let line = try received.next() { return (try JSONLine.value(type, line), passed) }
      let part = try UnixSocket.receive(atMost: min(65_536, limit), from: descriptor)
      if part.bytes.isEmpty { return nil }
      received.add(part.bytes)
      passed = part.passed ?? passed
    }
  }
}

/// JSON objects as lines.
public enum JSONLine {
  /// Encodes an object, with its newline.
  public static func bytes(_ value: some Encodable) throws -> [UInt8] {
    Array(try JSONEncoder().encode(value)) + [UInt8(ascii: "\n")]
  }

  /// Decodes a line without its newline.
  public static func value<Value: Decodable>(_ type: Value.Type, _ line: [UInt8]) throws -> Value {
    try JSONDecoder().decode(type, from: Data(line))
  }
}
