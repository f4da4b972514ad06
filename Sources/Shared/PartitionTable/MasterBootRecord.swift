import Hexadecimal

/// A PC's partition table in the master boot record, with sectors of 512 bytes: four primary partitions, one of which
/// may contain a chain of logical ones. It can only be read; Cultivar writes ``GPT``.
public struct MasterBootRecord: Sendable, Equatable {
  /// A partition.
  public struct Entry: Sendable, Equatable {
    /// Number as in Linux: 1 to 4, and from 5 on for logical partitions.
    public var number: Int
    /// The type code in the table.
    public var type: UInt8
    /// First sector.
    public var firstLBA: UInt64
    /// Number of sectors.
    public var sectorCount: UInt64
  }

  /// Signature of the disk, which is a part of its partitions' IDs (`PARTUUID`).
  public var diskSignature: UInt32
  /// Partitions, sorted by number, without the extended one that contains the logical ones.
  public var partitions: [Entry]

  /// Types of extended partitions.
  private static let extended: Set<UInt8> = [0x05, 0x0F, 0x85]
  /// Type of the partition in the protective record of a ``GPT``.
  public static let protectiveType: UInt8 = 0xEE

  /// Reads the table of a disk; `nil` if there is none or it has no partitions.
  ///
  /// - Parameter read: A function that returns a sector; fewer bytes at the end of the disk.
  /// - Throws: Errors of `read`.
  public init?<Failure: Error>(read: (_ lba: UInt64) throws(Failure) -> [UInt8]) throws(Failure) {
    let sector = try read(0)
    guard sector.count == GPT.sectorSize, sector[510] == 0x55, sector[511] == 0xAA else { return nil }
    diskSignature = sector.littleEndian(at: 440)
    partitions = []
    var chains: [UInt64] = []
    for number in 1...4 {
      let entry = Self.entry(number, in: sector, at: 446 + (number - 1) * 16)
      guard let entry else { continue }
      // An entry with another status byte is part of a file system's boot code, not of a table.
      guard sector[446 + (number - 1) * 16] & 0x7F == 0 else { return nil }
      if Self.extended.contains(entry.type) { chains.append(entry.firstLBA) } else { partitions.append(entry) }
    }
    for start in chains { try addLogical(from: start, read: read) }
    guard !partitions.isEmpty else { return nil }
  }

  private mutating func addLogical<Failure: Error>(
    from start: UInt64, read: (_ lba: UInt64) throws(Failure) -> [UInt8]
  ) throws(Failure) {
    var place = start
    // The limit also ends a chain with a cycle.
    for number in 5...64 {
      let sector = try read(place)
      guard sector.count == GPT.sectorSize, sector[510] == 0x55, sector[511] == 0xAA else { return }
      if var entry = Self.entry(number, in: sector, at: 446) {
        entry.firstLBA += place
        partitions.append(entry)
      }
      guard let next = Self.entry(0, in: sector, at: 462) else { return }
      place = start + next.firstLBA
    }
  }

  private static func entry(_ number: Int, in sector: [UInt8], at offset: Int) -> Entry? {
    let type = sector[offset + 4]
    let count: UInt32 = sector.littleEndian(at: offset + 12)
    let first: UInt32 = sector.littleEndian(at: offset + 8)
    guard type != 0, count > 0 else { return nil }
    return Entry(number: number, type: type, firstLBA: UInt64(first), sectorCount: UInt64(count))
  }

  /// The ID of a partition as in `/etc/fstab` (`PARTUUID=1a2b3c4d-02`).
  public func partitionID(of entry: Entry) -> String {
    "\(diskSignature.hexadecimal)-\(UInt8(clamping: entry.number).hexadecimal)"
  }
}
