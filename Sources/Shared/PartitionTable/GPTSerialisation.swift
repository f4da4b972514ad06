/// Bytes and their position on a disk.
public struct DiskRegion: Sendable, Equatable {
  /// First sector.
  public var lba: UInt64
  /// The bytes, a multiple of the sector size.
  public var bytes: [UInt8]

  public init(lba: UInt64, bytes: [UInt8]) {
    self.lba = lba
    self.bytes = bytes
  }
}

/// The parts of a table on a disk.
public struct SerialisedGPT: Sendable, Equatable {
  /// The protective master boot record in sector 0, with boot code.
  public var protectiveMBR: DiskRegion
  /// The header in sector 1.
  public var primaryHeader: DiskRegion
  /// The entries of the primary table.
  public var primaryEntries: DiskRegion
  /// The entries of the backup table, before the backup header.
  public var backupEntries: DiskRegion
  /// The header in the last sector.
  public var backupHeader: DiskRegion

  /// All regions that must be written to a new disk, in ascending order.
  public var regions: [DiskRegion] {
    [protectiveMBR, primaryHeader, primaryEntries, backupEntries, backupHeader]
  }
}

extension GPT {
  /// Returns the bytes of the table with their positions.
  ///
  /// - Parameter bootCode: Boot code for a BIOS in sector 0; at most 440 bytes.
  /// - Throws: ``GPTError`` if the table is not valid.
  public func serialised(bootCode: [UInt8] = []) throws(GPTError) -> SerialisedGPT {
    try validate()
    guard bootCode.count <= ProtectiveMBR.bootCodeSize else { throw .bootCodeTooLong }
    let entries = serialisedEntries()
    let checksum = CRC32.checksum(entries)
    let lastLBA = diskSizeInSectors - 1
    let backupEntriesLBA = lastLBA - Self.entriesSectorCount
    let primary = GPTHeader(
      myLBA: 1, alternateLBA: lastLBA, firstUsableLBA: firstUsableLBA, lastUsableLBA: lastUsableLBA,
      diskGUID: diskGUID, entriesLBA: primaryEntriesLBA, entriesChecksum: checksum)
    var backup = primary
    backup.myLBA = lastLBA
    backup.alternateLBA = 1
    backup.entriesLBA = backupEntriesLBA
    return SerialisedGPT(
      protectiveMBR: DiskRegion(
        lba: 0, bytes: ProtectiveMBR.serialised(diskSizeInSectors: diskSizeInSectors, bootCode: bootCode)),
      primaryHeader: DiskRegion(lba: 1, bytes: primary.serialised()),
      primaryEntries: DiskRegion(lba: primaryEntriesLBA, bytes: entries),
      backupEntries: DiskRegion(lba: backupEntriesLBA, bytes: entries),
      backupHeader: DiskRegion(lba: lastLBA, bytes: backup.serialised()))
  }

  private func serialisedEntries() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.entryCount * Self.entrySize)
    for number in 1...Self.entryCount {
      if let partition = partition(number: number) {
        bytes += partition.serialised()
      } else {
        bytes += Array(repeating: 0, count: Self.entrySize)
      }
    }
    return bytes
  }
}

extension Partition {
  func serialised() -> [UInt8] {
    var bytes = type.guid.onDisk + guid.onDisk
    bytes.append(littleEndian: firstLBA)
    bytes.append(littleEndian: lastLBA)
    bytes.append(littleEndian: attributes.rawValue)
    for unit in name.utf16 { bytes.append(littleEndian: unit) }
    return bytes + Array(repeating: 0, count: GPT.entrySize - bytes.count)
  }

  /// Parses an entry; `nil` if it is unused.
  init?(number: Int, entry: some Collection<UInt8>) {
    guard let type = GUID(onDisk: entry.prefix(16)), type != .zero,
      let guid = GUID(onDisk: entry.dropFirst(16).prefix(16))
    else { return nil }
    let units = (0..<36).map { entry.littleEndian(at: 56 + 2 * $0, as: UInt16.self) }
    self.init(
      number: number, type: PartitionType(type), guid: guid,
      firstLBA: entry.littleEndian(at: 32), lastLBA: entry.littleEndian(at: 40),
      attributes: PartitionAttributes(rawValue: entry.littleEndian(at: 48)),
      name: String(decoding: units.prefix { $0 != 0 }, as: UTF16.self))
  }
}
