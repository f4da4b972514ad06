/// A PC's partition table in the master boot record, with sectors of 512 bytes: four primary partitions, one of which
/// may be an extended one with a chain of logical partitions.
///
/// Every table can be read. ``records(bootCode:)`` writes tables with at most one extended partition.
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
    /// The sector with the partition's entry: 0 for a primary partition, otherwise its extended boot record.
    public var recordLBA: UInt64

    public init(number: Int, type: UInt8, firstLBA: UInt64, sectorCount: UInt64, recordLBA: UInt64 = 0) {
      self.number = number
      self.type = type
      self.firstLBA = firstLBA
      self.sectorCount = sectorCount
      self.recordLBA = recordLBA
    }

    /// The sector after the last one.
    public var endLBA: UInt64 { firstLBA + sectorCount }
  }

  /// Signature of the disk, which is a part of its partitions' IDs (`PARTUUID`).
  public var diskSignature: UInt32
  /// Partitions, sorted by number, without the extended one that contains the logical ones.
  public var partitions: [Entry]
  /// The extended partition, which contains the logical ones; `nil` for none. Of several ones, the first.
  public var extended: Entry?
  /// True if no device has started from this disk since the image was written.
  ///
  /// The mark is in the two bytes after the signature, which are zero on other disks. So one write of the sector gives
  /// the disk a new signature and removes the mark.
  public var isFreshImage: Bool

  /// Types of extended partitions.
  private static let extendedTypes: Set<UInt8> = [0x05, 0x0F, 0x85]
  /// Type of the extended partition in new tables: with addresses of sectors (LBA).
  public static let extendedType: UInt8 = 0x0F
  /// Type of the partition in the protective record of a ``GPT``.
  public static let protectiveType: UInt8 = 0xEE
  /// Type of a FAT32 partition with addresses of sectors.
  public static let fat32Type: UInt8 = 0x0C
  /// Type of a partition with a Linux file system.
  public static let linuxType: UInt8 = 0x83

  private static let signatureOffset = 440
  private static let markOffset = 444
  private static let mark: [UInt8] = Array("CU".utf8)
  private static let entriesOffset = 446

  /// Makes a table.
  ///
  /// - Parameters:
  ///   - partitions: The partitions, in any order. Each logical one needs a sector of its own for its record.
  ///   - extended: The extended partition with the logical ones.
  public init(diskSignature: UInt32, partitions: [Entry], extended: Entry? = nil, isFreshImage: Bool = false) {
    self.diskSignature = diskSignature
    self.partitions = partitions.sorted { $0.number < $1.number }
    self.extended = extended
    self.isFreshImage = isFreshImage
  }

  /// Reads the table of a disk; `nil` if there is none or it has no partitions.
  ///
  /// - Parameter read: A function that returns a sector; fewer bytes at the end of the disk.
  /// - Throws: Errors of `read`.
  public init?<Failure: Error>(read: (_ lba: UInt64) throws(Failure) -> [UInt8]) throws(Failure) {
    let sector = try read(0)
    guard sector.count == GPT.sectorSize, sector[510] == 0x55, sector[511] == 0xAA else { return nil }
    diskSignature = sector.littleEndian(at: Self.signatureOffset)
    isFreshImage = Array(sector[Self.markOffset..<Self.entriesOffset]) == Self.mark
    partitions = []
    var chains: [Entry] = []
    for number in 1...4 {
      let entry = Self.entry(number, in: sector, at: Self.entriesOffset + (number - 1) * 16)
      guard let entry else { continue }
      // An entry with another status byte is part of a file system's boot code, not of a table.
      guard sector[Self.entriesOffset + (number - 1) * 16] & 0x7F == 0 else { return nil }
      if Self.extendedTypes.contains(entry.type) { chains.append(entry) } else { partitions.append(entry) }
    }
    extended = chains.first
    for chain in chains { try addLogical(from: chain.firstLBA, read: read) }
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
      if var entry = Self.entry(number, in: sector, at: Self.entriesOffset) {
        entry.firstLBA += place
        entry.recordLBA = place
        partitions.append(entry)
      }
      guard let next = Self.entry(0, in: sector, at: Self.entriesOffset + 16) else { return }
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

  /// True for the record in front of a ``GPT``.
  public var isProtective: Bool { partitions.contains { $0.type == Self.protectiveType } }

  /// The partition with a number.
  public func partition(number: Int) -> Entry? { partitions.first { $0.number == number } }

  /// The sector after the last partition.
  public var endLBA: UInt64 { ([extended].compactMap(\.self) + partitions).map(\.endLBA).max() ?? 0 }

  /// The ID of a partition as in `/etc/fstab` (`PARTUUID=1a2b3c4d-02`).
  public func partitionID(of entry: Entry) -> String {
    PartitionID.mbr(signature: diskSignature, number: entry.number).description
  }
}

// MARK: Writing

extension MasterBootRecord {
  /// Returns the sectors of the table: the master boot record, then the extended boot records in the order of their
  /// chain.
  ///
  /// - Parameter bootCode: The first 440 bytes of the disk.
  /// - Throws: ``MBRError`` if the table is not valid.
  public func records(bootCode: [UInt8] = []) throws(MBRError) -> [DiskRegion] {
    try validate()
    guard bootCode.count <= Self.signatureOffset else { throw .bootCodeTooLong }
    var sector = bootCode + [UInt8](repeating: 0, count: Self.signatureOffset - bootCode.count)
    sector.append(littleEndian: diskSignature)
    sector += isFreshImage ? Self.mark : [0, 0]
    for number in 1...4 {
      sector += Self.bytes(extended?.number == number ? extended : partition(number: number))
    }
    var regions = [DiskRegion(lba: 0, bytes: sector + [0x55, 0xAA])]
    guard let extended else { return regions }
    let logical = partitions.filter { $0.number > 4 }
    for (index, entry) in logical.enumerated() {
      var own = entry
      own.firstLBA -= entry.recordLBA
      var next: Entry?
      if index + 1 < logical.count {
        // The link covers the next record and its partition, counted from the beginning of the extended partition.
        let after = logical[index + 1]
        next = Entry(
          number: 0, type: 0x05, firstLBA: after.recordLBA - extended.firstLBA,
          sectorCount: after.endLBA - after.recordLBA)
      }
      regions.append(
        DiskRegion(
          lba: entry.recordLBA,
          bytes: [UInt8](repeating: 0, count: Self.entriesOffset) + Self.bytes(own) + Self.bytes(next)
            + [UInt8](repeating: 0, count: 32) + [0x55, 0xAA]))
    }
    return regions
  }

  /// An entry's 16 bytes. Cylinders, heads and sectors are at their limit: nothing that can start these disks reads
  /// them.
  private static func bytes(_ entry: Entry?) -> [UInt8] {
    guard let entry else { return [UInt8](repeating: 0, count: 16) }
    var bytes: [UInt8] = [0, 0xFE, 0xFF, 0xFF, entry.type, 0xFE, 0xFF, 0xFF]
    bytes.append(littleEndian: UInt32(truncatingIfNeeded: entry.firstLBA))
    bytes.append(littleEndian: UInt32(truncatingIfNeeded: entry.sectorCount))
    return bytes
  }

  /// Checks that the table can be written.
  ///
  /// - Throws: ``MBRError`` for the first problem.
  public func validate() throws(MBRError) {
    let primary = partitions.filter { $0.number <= 4 } + [extended].compactMap(\.self)
    let logical = partitions.filter { $0.number > 4 }
    guard Set(primary.map(\.number)).count == primary.count, primary.allSatisfy({ 1...4 ~= $0.number }),
      logical.map(\.number) == Array(5..<(5 + logical.count))
    else { throw .invalidNumbers }
    for entry in primary + logical {
      guard entry.sectorCount > 0, entry.firstLBA > 0, entry.endLBA - 1 <= UInt64(UInt32.max),
        entry.sectorCount <= UInt64(UInt32.max)
      else { throw .outsideRange(partition: entry.number) }
    }
    guard !logical.isEmpty else { return try Self.checkOverlap(primary.map { ($0.number, $0.firstLBA..<$0.endLBA) }) }
    guard let extended else { throw .invalidNumbers }
    // A logical partition takes the space from its record on.
    let inside = logical.map { ($0.number, min($0.recordLBA, $0.firstLBA)..<$0.endLBA) }
    for entry in logical {
      guard entry.recordLBA < entry.firstLBA, entry.recordLBA >= extended.firstLBA, entry.endLBA <= extended.endLBA
      else { throw .outsideRange(partition: entry.number) }
    }
    guard logical.first?.recordLBA == extended.firstLBA else { throw .outsideRange(partition: 5) }
    try Self.checkOverlap(inside)
    try Self.checkOverlap(primary.map { ($0.number, $0.firstLBA..<$0.endLBA) })
  }

  private static func checkOverlap(_ ranges: [(number: Int, range: Range<UInt64>)]) throws(MBRError) {
    let sorted = ranges.sorted { $0.range.lowerBound < $1.range.lowerBound }
    for (first, second) in zip(sorted, sorted.dropFirst()) where second.range.lowerBound < first.range.upperBound {
      throw .overlap(partition: first.number, other: second.number)
    }
  }
}

// MARK: First boot

extension MasterBootRecord {
  /// Partitions are aligned to this number of sectors (1 MiB).
  private static let alignment: UInt64 = 2048

  /// Returns the table with a partition extended to the end of the disk, together with the extended partition that
  /// contains it.
  ///
  /// Nothing shrinks. The partition is extended only if it is the last one on the disk. A table has 32 bits for a
  /// sector, so space beyond 2 TiB stays unused.
  ///
  /// - Parameters:
  ///   - size: Size of the disk in sectors.
  ///   - number: Number of the partition to extend.
  public func grown(toSectors size: UInt64, extending number: Int) -> MasterBootRecord {
    var grown = self
    let end = min(size, UInt64(UInt32.max)) / Self.alignment * Self.alignment
    guard let index = partitions.firstIndex(where: { $0.number == number }),
      partitions.allSatisfy({ $0.firstLBA <= partitions[index].firstLBA }), end > partitions[index].endLBA
    else { return self }
    grown.partitions[index].sectorCount = end - partitions[index].firstLBA
    if number > 4, let extended { grown.extended?.sectorCount = max(extended.endLBA, end) - extended.firstLBA }
    return grown
  }

  /// Returns the table with a new random signature and without the mark of a fresh image, if it has that mark;
  /// otherwise returns it unchanged.
  public func individualised(using generator: inout some RandomNumberGenerator) -> MasterBootRecord {
    guard isFreshImage else { return self }
    var own = self
    own.isFreshImage = false
    // Zero means that the disk has no signature.
    own.diskSignature = .random(in: 1...UInt32.max, using: &generator)
    return own
  }

  /// Returns the writes that change the disk's table to `table`, in order. Each one is a single sector, and must be on
  /// the disk before the next one begins. Both tables have the same partitions; only sizes and the signature differ.
  ///
  /// State after a power cut, if the disk writes a sector completely or not at all:
  ///
  /// 1. *The master boot record.* Before it, the old table; after it, a primary data partition has its new size. With
  ///    logical partitions, only the extended partition around them is larger, which changes none of them.
  /// 2. *Links in front of the changed record.* A link's length is not used to find a partition.
  /// 3. *The record of the logical partition.* Before it, the old size, which is valid inside of the larger extended
  ///    partition. The next start finds the space behind it and continues here.
  ///
  /// - Parameter bootCode: The first 440 bytes of the disk, which are kept.
  /// - Throws: ``MBRError`` if the new table is not valid.
  public func steps(to table: MasterBootRecord, bootCode: [UInt8]) throws(MBRError) -> [DiskRegion] {
    let old = try records(bootCode: bootCode)
    return try table.records(bootCode: bootCode).filter { !old.contains($0) }
  }
}

/// An error in a table with a master boot record.
public enum MBRError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A number is used twice, or the logical partitions are not numbered from 5 on.
  case invalidNumbers
  /// A partition is empty, behind the first 2 TiB, or not inside of the extended partition.
  case outsideRange(partition: Int)
  /// Two partitions share sectors.
  case overlap(partition: Int, other: Int)
  /// The boot code is longer than 440 bytes.
  case bootCodeTooLong

  public var description: String {
    switch self {
    case .invalidNumbers: "a partition number is used twice or missing"
    case .outsideRange(let number): "partition \(number) is empty or outside of the usable part of the disk"
    case .overlap(let first, let second): "partitions \(first) and \(second) overlap"
    case .bootCodeTooLong: "the boot code has more than 440 bytes"
    }
  }
}
