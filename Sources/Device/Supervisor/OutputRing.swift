import DeviceModel

/// The newest lines that a program wrote, in bounded memory. Every line has a number, which is never used again.
public struct OutputRing {
  private struct Entry {
    let time: Int64
    let stream: LogLine.Stream
    let bytes: [UInt8]
  }

  /// What an entry costs besides its bytes; without it empty lines would be free.
  private static let entryCost = 64

  private let capacity: Int
  private var entries: [Entry?] = []
  /// Entries before it have left; they are cleared away when they are half of all.
  private var head = 0
  private var size = 0

  /// Number of the next line.
  public private(set) var nextSequence: UInt64 = 0

  /// Makes an empty ring.
  ///
  /// - Parameter capacity: bytes of lines that are kept, with what it costs to keep them; at least one line is.
  public init(capacity: Int) {
    self.capacity = capacity
  }

  /// Number of the oldest line that is kept.
  public var firstSequence: UInt64 { nextSequence - UInt64(entries.count - head) }

  /// Adds a line.
  ///
  /// - Parameters:
  ///   - bytes: the line without its end.
  ///   - stream: where it came from.
  ///   - time: milliseconds since 1970.
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

  /// Lines from a number on, as many as fit.
  ///
  /// - Parameters:
  ///   - sequence: the first line wanted.
  ///   - byteLimit: bytes of lines after which no other is added.
  /// - Returns: the lines, and how many of those wanted are no longer kept.
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
