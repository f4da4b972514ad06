/// The partition table of a disk, of either kind.
public enum DiskTable: Sendable, Equatable {
  case gpt(GPT)
  case mbr(MasterBootRecord)

  /// The place of a partition.
  public struct Extent: Sendable, Equatable {
    /// Number as in Linux.
    public var number: Int
    /// First sector.
    public var firstLBA: UInt64
    /// Number of sectors.
    public var sectorCount: UInt64

    /// The sector after the last one.
    public var endLBA: UInt64 { firstLBA + sectorCount }
  }

  /// The partitions, sorted by number.
  public var extents: [Extent] {
    switch self {
    case .gpt(let table):
      table.partitions.map { Extent(number: $0.number, firstLBA: $0.firstLBA, sectorCount: $0.sectorCount) }
    case .mbr(let table):
      table.partitions.map { Extent(number: $0.number, firstLBA: $0.firstLBA, sectorCount: $0.sectorCount) }
    }
  }

  /// The place of the partition with a number.
  public func extent(number: Int) -> Extent? { extents.first { $0.number == number } }

  /// The ID of the partition with a number.
  public func id(number: Int) -> PartitionID? {
    switch self {
    case .gpt(let table): table.partition(number: number).map { .gpt($0.guid) }
    case .mbr(let table):
      table.partition(number: number).map { .mbr(signature: table.diskSignature, number: $0.number) }
    }
  }

  /// The first partition with boot files: the EFI system partition, or the first FAT32 partition.
  public var firstBootPartition: Extent? {
    let number: Int? =
      switch self {
      case .gpt(let table): table.partitions.first { $0.type == .efiSystem }?.number
      case .mbr(let table): table.partitions.first { $0.type == MasterBootRecord.fat32Type }?.number
      }
    return number.flatMap(extent)
  }
}

/// The tables that a disk has, valid or not.
public enum DiskTableReading: Sendable {
  case gpt(GPTReading)
  case mbr(MasterBootRecord)

  /// Reads the tables of a disk. The first sector decides about their kind, because a card that had a GPT keeps its
  /// backup table at the end when a smaller image with a master boot record is written to it.
  ///
  /// - Parameters:
  ///   - diskSizeInSectors: Size of the disk in sectors of 512 bytes.
  ///   - read: A function that returns `count` sectors from `lba` on; fewer bytes at the end of the disk.
  /// - Throws: Errors of `read`.
  public init<Failure: Error>(
    diskSizeInSectors: UInt64, read: (_ lba: UInt64, _ count: Int) throws(Failure) -> [UInt8]
  ) throws(Failure) {
    let record = try MasterBootRecord { lba throws(Failure) in
      // Links in a damaged table may point anywhere.
      lba < diskSizeInSectors ? try read(lba, 1) : []
    }
    if let record, !record.isProtective {
      self = .mbr(record)
    } else {
      self = .gpt(try GPTReading(diskSizeInSectors: diskSizeInSectors, read: read))
    }
  }

  /// The table of the disk.
  ///
  /// - Throws: The error of the primary GUID partition table, if neither it nor its backup is valid.
  public func table() throws(GPTError) -> DiskTable {
    switch self {
    case .gpt(let reading): .gpt(try reading.table())
    case .mbr(let record): .mbr(record)
    }
  }
}
