import Foundation

/// A disk in memory that records its writes and flushes in the format of ``DiskWriteLog``.
public final class DiskWriteRecorder {
  /// The content of the disk.
  public private(set) var bytes: [UInt8]
  private var entries: [UInt8] = []
  private var count: UInt64 = 0
  private static let sector = 512

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Writes whole sectors.
  ///
  /// - Parameter place: Offset in bytes.
  public func write(_ new: [UInt8], at place: Int) {
    bytes.replaceSubrange(place..<place + new.count, with: new)
    append(place / Self.sector, new.count / Self.sector, flags: 0, new)
  }

  public func flush() { append(0, 0, flags: 1, []) }

  private func append(_ start: Int, _ sectors: Int, flags: UInt64, _ data: [UInt8]) {
    let header = [UInt64(start), UInt64(sectors), flags, UInt64(data.count)].flatMap(Self.number)
    entries += header + [UInt8](repeating: 0, count: Self.sector - header.count) + data
    count += 1
  }

  private static func number(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// Writes the log to a file.
  public func save(to file: URL) throws {
    let head = [0x006a_7366_7773_6872, 1, count, UInt64(Self.sector)].flatMap(Self.number)
    // A log has at least one page.
    let padding = [UInt8](repeating: 0, count: max(0, 4096 - Self.sector - entries.count))
    try Data(head + [UInt8](repeating: 0, count: Self.sector - head.count) + entries + padding).write(to: file)
  }
}
