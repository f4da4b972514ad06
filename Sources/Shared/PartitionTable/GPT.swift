/// A GUID Partition Table with sectors of 512 bytes (UEFI specification 2.10, chapter 5).
///
/// A value; nothing here touches a disk. Writing gives the bytes and their places (``serialised(bootCode:)``), reading takes
/// them from a closure (``GPTReading``).
public struct GPT: Sendable, Equatable {
  /// Bytes of a sector. Disks with other sectors are not supported: an image is made for one size.
  public static let sectorSize = 512
  /// Entries in the array that this library writes.
  public static let entryCount = 128
  /// Bytes of an entry that this library writes.
  public static let entrySize = 128
  /// Sectors of the array that this library writes.
  public static let entriesSectorCount: UInt64 = 32

  /// The id of the disk.
  public var diskGUID: GUID
  /// The partitions, by number.
  public var partitions: [Partition]
  /// Sectors of the disk that the table was made for; the backup stands at its end.
  public var diskSizeInSectors: UInt64
  /// First sector that a partition may use.
  public var firstUsableLBA: UInt64
  /// Where the entries of the primary table begin.
  public var primaryEntriesLBA: UInt64

  /// Where the entries stand in the usual case, and where a new image has them.
  public static let usualEntriesLBA: UInt64 = 2
  /// Where the entries stand after every other change: right behind the usual place, before the first partition.
  public static let alternateEntriesLBA: UInt64 = usualEntriesLBA + entriesSectorCount

  /// Makes a table.
  ///
  /// - Parameters:
  ///   - diskGUID: the id of the disk.
  ///   - partitions: the partitions, in any order.
  ///   - diskSizeInSectors: size of the disk in sectors of 512 bytes.
  ///   - firstUsableLBA: first sector that a partition may use; 1 MiB leaves room for the alternate entries.
  ///   - primaryEntriesLBA: where the entries of the primary table begin.
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

  /// Last sector that a partition may use; 0 where the disk is too small for a table.
  public var lastUsableLBA: UInt64 {
    let overhead = Self.entriesSectorCount + 2
    return diskSizeInSectors > overhead ? diskSizeInSectors - overhead : 0
  }

  /// The partition with the number, counted from 1.
  public func partition(number: Int) -> Partition? {
    partitions.first { $0.number == number }
  }

  /// Checks that the table describes partitions that can exist on its disk.
  ///
  /// - Throws: ``GPTError`` for the first thing that is wrong.
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
