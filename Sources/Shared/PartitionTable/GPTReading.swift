/// The primary and the backup table of a disk.
public struct GPTReading: Sendable {
  /// The table at the beginning, or the reason why it is not valid.
  public var primary: Result<GPT, GPTError>
  /// The table at the end, or the reason why it is not valid.
  public var backup: Result<GPT, GPTError>

  /// Reads both tables of a disk.
  ///
  /// A valid primary table contains the position of the backup; otherwise the backup is expected in the last sector.
  /// Numbers from the disk are checked before they are used. Entry arrays may be larger than those that this library
  /// writes, so that disks from other tools can be read.
  ///
  /// - Parameters:
  ///   - diskSizeInSectors: Size of the disk in sectors of 512 bytes.
  ///   - read: A function that returns `count` sectors from `lba` on; fewer bytes at the end of the disk.
  /// - Throws: Errors of `read`.
  public init<Failure: Error>(
    diskSizeInSectors: UInt64, read: (_ lba: UInt64, _ count: Int) throws(Failure) -> [UInt8]
  ) throws(Failure) {
    primary = try Self.table(at: 1, diskSizeInSectors: diskSizeInSectors, read: read)
    var backupLBA = diskSizeInSectors > 0 ? diskSizeInSectors - 1 : 0
    if case .success(let table) = primary, table.diskSizeInSectors <= diskSizeInSectors {
      backupLBA = table.diskSizeInSectors - 1
    }
    backup = try Self.table(at: backupLBA, diskSizeInSectors: diskSizeInSectors, read: read)
  }

  /// The primary table if it is valid, otherwise the backup.
  ///
  /// - Throws: The error of the primary table, if neither is valid.
  public func table() throws(GPTError) -> GPT {
    if case .failure = primary, case .success(let table) = backup { return table }
    return try primary.get()
  }

  private static func table<Failure: Error>(
    at lba: UInt64, diskSizeInSectors: UInt64, read: (UInt64, Int) throws(Failure) -> [UInt8]
  ) throws(Failure) -> Result<GPT, GPTError> {
    guard lba > 0, lba < diskSizeInSectors else { return .failure(.truncated) }
    let sector = try read(lba, 1)
    let header: GPTHeader
    do {
      header = try GPTHeader(sector: sector, lba: lba)
    } catch {
      return .failure(error)
    }
    let entriesSize = header.entryCount * header.entrySize
    let entries = try read(header.entriesLBA, header.entriesSectorCount).prefix(entriesSize)
    guard entries.count == entriesSize else { return .failure(.truncated) }
    guard CRC32.checksum(entries) == header.entriesChecksum else { return .failure(.entriesChecksum) }
    let table = GPT(header: header, entries: Array(entries))
    // Callers compute with these sectors, also in bytes, so they must not overflow.
    if let partition = table.partitions.first(where: { $0.lastLBA < $0.firstLBA || $0.lastLBA >= 1 << 54 }) {
      return .failure(.outsideDisk(partition: partition.number))
    }
    return .success(table)
  }
}

extension GPT {
  /// Makes a table from a header and entries that were checked before.
  init(header: GPTHeader, entries: [UInt8]) {
    let partitions = (0..<header.entryCount).compactMap { index in
      let start = index * header.entrySize
      return Partition(number: index + 1, entry: entries[start..<start + header.entrySize])
    }
    let isPrimary = header.myLBA == 1
    self.init(
      diskGUID: header.diskGUID, partitions: partitions,
      diskSizeInSectors: max(header.myLBA, header.alternateLBA) + 1, firstUsableLBA: header.firstUsableLBA,
      primaryEntriesLBA: isPrimary ? header.entriesLBA : Self.usualEntriesLBA)
  }
}
