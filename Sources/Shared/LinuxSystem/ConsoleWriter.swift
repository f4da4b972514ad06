import Glibc

/// Lines for a console that is waited for a millisecond at most: it may be slow, or gone, and while one program writes to it, another's
/// write comes to nothing.
struct ConsoleWriter {
  /// How many bytes wait for it; of more, the oldest lines are dropped.
  static let limit = 16 << 10

  private let console: Descriptor
  /// What it has not taken yet.
  private var waiting: [UInt8] = []

  /// Makes a writer.
  ///
  /// - Parameter console: A descriptor that does not block.
  init(_ console: Descriptor) { self.console = console }

  /// Writes a line, after those that the console has not taken before; what it does not take now waits for the next line.
  mutating func write(_ line: String) {
    waiting += Array("\(line)\r\n".utf8)
    if waiting.count > Self.limit {
      let rest = waiting.suffix(Self.limit)
      waiting = Array(rest.drop { $0 != 0x0a }.dropFirst())
    }
    for attempt in 0..<3 where !waiting.isEmpty {
      // Whoever else was writing is mostly done in a moment.
      if attempt > 0 { usleep(500) }
      guard let count = try? console.write(some: waiting[...]) else { return }
      waiting.removeFirst(count)
    }
  }
}
