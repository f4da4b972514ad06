import DeviceModel

/// The newest lines of a program's output, in bounded memory. Every line has a unique number.
public struct OutputRing {
  private struct Entry {
    let time: Int64
    let stream: LogLine.Stream
    let bytes: [UInt8]
  }

  /// Overhead of an entry in bytes. Without it, empty lines would cost nothing.
  private static let entryCost = 64

  private let capacity: Int
  private var entries: [Entry?] = []
  /// Index of the first entry that is kept. Entries before it are removed once they are half of all.
  private var head = 0
  private var size = 0

  /// The number of the next line.
  public private(set) var nextSequence: UInt64 = 0

  /// - Parameter capacity: Maximum number of bytes, including the overhead of each line. At least one line is kept.
  public init(capacity: Int) {
    self.capacity = capacity
  }

  /// The number of the oldest line that is kept.
  public var firstSequence: UInt64 { nextSequence - UInt64(entries.count - head) }

  /// Adds a line.
  ///
  /// - Parameters:
  ///   - bytes: The line without its newline.
  ///   - stream: The output that it was written to.
  ///   - time: Milliseconds since 1970.
  public mutating func append(_ bytes: [UInt8], from stream: LogLine.Stream, at time: Int64) {
    entries.append(Entry(time: time, stream: stream, bytes: bytes))
    nextSequence += 1
    size += bytes.count + Self.entryCost
    while size > capacity, entries.count - head > 1 {
      size -= (entries[head]?.bytes.count ?? 0) + Self.entryCost
      entries[head] = nil
      head += 1
    }
    if head * 2 > entries.count {
      entries.removeFirst(head)
      head = 0
    }
  }

  /// Returns as many lines as fit, from a number on.
  ///
  /// - Parameters:
  ///   - sequence: The number of the first line.
  ///   - byteLimit: Number of bytes after which no further line is added.
  /// - Returns: The lines, and the number of requested lines that are no longer kept.
  public func lines(from sequence: UInt64, byteLimit: Int) -> LogPart {
    let first = max(sequence, firstSequence)
    var part = LogPart(lines: [], missed: first - sequence)
    var bytes = 0
    var current = first
    while current < nextSequence, bytes < byteLimit, let entry = entries[head + Int(current - firstSequence)] {
      part.lines.append(
        LogLine(
          sequence: current, time: entry.time, stream: entry.stream, text: String(decoding: entry.bytes, as: UTF8.self))
      )
      bytes += entry.bytes.count + Self.entryCost
      current += 1
    }
    return part
  }
}
