/// A GUID Partition Table with sectors of 512 bytes (UEFI specification 2.10, chapter 5).
///
/// This value type does not access a disk. ``serialised(bootCode:)`` returns the bytes and their sectors;
/// ``GPTReading`` reads a table through a closure.
public struct GPT: Sendable, Equatable {
  /// Size of a sector in bytes. Other sector sizes are not supported.
  public static let sectorSize = 512
  /// Number of entries in arrays that this library writes.
  public static let entryCount = 128
  /// Size in bytes of entries that this library writes.
  public static let entrySize = 128
  /// Size in sectors of arrays that this library writes.
  public static let entriesSectorCount: UInt64 = 32

  /// The disk's GUID.
  public var diskGUID: GUID
  /// The partitions, sorted by number.
  public var partitions: [Partition]
  /// Size in sectors of the disk that the table is for. The backup table is at its end.
  public var diskSizeInSectors: UInt64
  /// First sector that a partition may use.
  public var firstUsableLBA: UInt64
  /// First sector of the primary table's entries.
  public var primaryEntriesLBA: UInt64

  /// The usual first sector of the entries, also used in new images.
  public static let usualEntriesLBA: UInt64 = 2
  /// First sector of the entries after every second change: directly after the usual place, before the first partition.
  public static let alternateEntriesLBA: UInt64 = usualEntriesLBA + entriesSectorCount

  /// - Parameters:
  ///   - diskGUID: The disk's GUID.
  ///   - partitions: The partitions, in any order.
  ///   - diskSizeInSectors: Size of the disk in sectors of 512 bytes.
  ///   - firstUsableLBA: First sector that a partition may use. The default of 1 MiB leaves space for the alternate
  ///     entries.
  ///   - primaryEntriesLBA: First sector of the primary table's entries.
  public init(
    diskGUID: GUID, partitions: [Partition], diskSizeInSectors: UInt64, firstUsableLBA: UInt64 = 2048,
    primaryEntriesLBA: UInt64 = GPT.usualEntriesLBA
  ) {
    self.diskGUID = diskGUID
    self.partitions = partitions.sorted { $0.number < $1.number }
    self.diskSizeInSectors = diskSizeInSectors
    self.firstUsableLBA = firstUsableLBA
    self.primaryEntriesLBA = primaryEntriesLBA
  }

  /// Last sector that a partition may use; 0 if the disk is too small for a table.
  public var lastUsableLBA: UInt64 {
    let overhead = Self.entriesSectorCount + 2
    return diskSizeInSectors > overhead ? diskSizeInSectors - overhead : 0
  }

  /// The partition with a number, counted from 1.
  public func partition(number: Int) -> Partition? {
    partitions.first { $0.number == number }
  }

  /// Checks that the partitions can exist on the table's disk.
  ///
  /// - Throws: ``GPTError`` for the first problem.
  public func validate() throws(GPTError) {
    let overhead = firstUsableLBA + Self.entriesSectorCount + 2
    guard diskSizeInSectors > overhead, primaryEntriesLBA >= 2,
      primaryEntriesLBA + Self.entriesSectorCount <= firstUsableLBA
    else { throw .noRoomForTable }
    var numbers: Set<Int> = []
    for partition in partitions {
      let number = partition.number
      guard (1...Self.entryCount).contains(number), numbers.insert(number).inserted else {
        throw .invalidNumber(number)
      }
      guard partition.type != .unused, partition.guid != .zero else { throw .missingID(partition: number) }
      guard partition.firstLBA >= firstUsableLBA, partition.lastLBA >= partition.firstLBA,
        partition.lastLBA <= lastUsableLBA
      else { throw .outsideDisk(partition: number) }
      guard partition.name.utf16.count <= 36 else { throw .nameTooLong(partition: number) }
    }
    let onDisk = partitions.sorted { $0.firstLBA < $1.firstLBA }
    for (first, second) in zip(onDisk, onDisk.dropFirst()) where second.firstLBA <= first.lastLBA {
      throw .overlap(partition: first.number, other: second.number)
    }
  }
}
