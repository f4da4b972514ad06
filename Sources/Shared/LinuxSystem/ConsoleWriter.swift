import Glibc

/// Writes lines to a console without waiting for more than a millisecond. A console may be slow or gone, and a write
/// may take no bytes while another program writes.
struct ConsoleWriter {
  /// Maximum bytes in the buffer. If it is full, the oldest lines are dropped.
  static let limit = 16 << 10

  private let console: Descriptor
  /// Bytes that the console has not accepted yet.
  private var waiting: [UInt8] = []

  /// - Parameter console: A descriptor in non-blocking mode.
  init(_ console: Descriptor) { self.console = console }

  /// Writes buffered lines, then this line. Bytes that the console does not accept stay in the buffer until the next
  /// line.
  mutating func write(_ line: String) {
    waiting += Array("\(line)\r\n".utf8)
    if waiting.count > Self.limit {
      let rest = waiting.suffix(Self.limit)
      waiting = Array(rest.drop { $0 != 0x0a }.dropFirst())
    }
    for attempt in 0..<3 where !waiting.isEmpty {
      // Another writer usually finishes within this time.
      if attempt > 0 { usleep(500) }
      guard let count = try? console.write(some: waiting[...]) else { return }
      waiting.removeFirst(count)
    }
  }
}
