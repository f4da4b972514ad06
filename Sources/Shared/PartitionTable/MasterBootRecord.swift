/// The partition table of a PC of old, with sectors of 512 bytes: four primary partitions, one of which may hold a chain of logical
/// ones. Read only; Cultivar writes ``GPT``.
public struct MasterBootRecord: Sendable, Equatable {
  /// A partition.
  public struct Entry: Sendable, Equatable {
    /// Number as Linux counts: 1 to 4, logical ones from 5 on.
    public var number: Int
    /// What the table says that it is for.
    public var type: UInt8
    /// First sector.
    public var firstLBA: UInt64
    /// Sectors.
    public var sectorCount: UInt64
  }

  /// Number of the disk; a partition's id is made of it (`PARTUUID`).
  public var diskSignature: UInt32
  /// Partitions, by number; without the one that holds the logical ones.
  public var partitions: [Entry]

  /// Types of the partition that holds the logical ones.
  private static let extended: Set<UInt8> = [0x05, 0x0F, 0x85]
  /// Type of the partition that stands for a ``GPT``.
  public static let protectiveType: UInt8 = 0xEE

  /// Reads the table of a disk; `nil` where there is none, or one that describes nothing.
  ///
  /// - Parameter read: gives a sector; fewer bytes where the disk ends.
  /// - Throws: only what `read` throws.
  public init?<Failure: Error>(read: (_ lba: UInt64) throws(Failure) -> [UInt8]) throws(Failure) {
    let sector = try read(0)
    guard sector.count == GPT.sectorSize, sector[510] == 0x55, sector[511] == 0xAA else { return nil }
    diskSignature = sector.littleEndian(at: 440)
    partitions = []
    var chains: [UInt64] = []
    for number in 1...4 {
      let entry = Self.entry(number, in: sector, at: 446 + (number - 1) * 16)
      guard let entry else { continue }
      // What is neither is the start code of a file system, and no table.
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
    // A chain that bites its tail ends as well.
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

  /// A partition's id as `/etc/fstab` has it (`PARTUUID=1a2b3c4d-02`).
  public func partitionID(of entry: Entry) -> String {
    func digits(_ value: some BinaryInteger, _ width: Int) -> String {
      let text = String(value, radix: 16)
      return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
    return "\(digits(diskSignature, 8))-\(digits(entry.number, 2))"
  }
}
