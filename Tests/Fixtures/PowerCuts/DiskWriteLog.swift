import Foundation

/// The writes of a machine to its disk, in order: the log of QEMU's `blklogwrites`, in the format of the kernel's
/// `dm-log-writes` (Documentation/admin-guide/device-mapper/log-writes.rst).
public struct DiskWriteLog: Sendable {
  /// One entry.
  public struct Entry: Sendable, Equatable {
    /// The kind of an entry.
    public enum Kind: Sendable, Equatable {
      /// Bytes were written. They may be lost until the next flush.
      case write
      /// All earlier writes are on the disk.
      case flush
    }

    public var kind: Kind
    /// Offset on the disk in bytes.
    public var place: UInt64
    /// Length in bytes.
    public var length: Int
    /// Offset of the bytes in the log.
    fileprivate var dataOffset: UInt64
  }

  /// The entries, in the order of the machine's requests.
  public let entries: [Entry]
  private let log: Data

  private static let magic: UInt64 = 0x006a_7366_7773_6872
  private static let flushFlag: UInt64 = 1
  private static let discardFlag: UInt64 = 4

  /// A log that cannot be parsed.
  public struct Failure: Error, CustomStringConvertible {
    /// The reason.
    public let description: String
  }

  /// Opens a log.
  ///
  /// - Throws: ``Failure`` if the file is not a log.
  public init(_ file: URL) throws {
    let log = try Data(contentsOf: file, options: .alwaysMapped)
    func number(_ offset: UInt64) -> UInt64 {
      log[Int(offset)..<Int(offset) + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    guard log.count >= 4096, number(0) == Self.magic, number(8) == 1 else {
      throw Failure(description: "\(file.path) is no log of writes")
    }
    let count = number(16)
    let sector = UInt64(UInt32(truncatingIfNeeded: number(24)))
    var entries: [Entry] = []
    var place = sector
    for _ in 0..<count {
      guard place + sector <= UInt64(log.count) else { throw Failure(description: "\(file.path) ends early") }
      let (start, sectors, flags) = (number(place), number(place + 8), number(place + 16))
      let isDiscard = flags & Self.discardFlag != 0
      let length = isDiscard ? 0 : Int(sectors * sector)
      // A flush in the same entry comes before the write.
      if flags & Self.flushFlag != 0 { entries.append(Entry(kind: .flush, place: 0, length: 0, dataOffset: 0)) }
      if length > 0 {
        entries.append(Entry(kind: .write, place: start * sector, length: length, dataOffset: place + sector))
      }
      place += sector + UInt64(length)
    }
    self.entries = entries
    self.log = log
  }

  /// The bytes of a write.
  public func bytes(of entry: Entry) -> [UInt8] {
    Array(log[Int(entry.dataOffset)..<Int(entry.dataOffset) + entry.length])
  }
}
