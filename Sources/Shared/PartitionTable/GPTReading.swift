/// What a disk holds in the two places of a table.
public struct GPTReading: Sendable {
  /// The table at the beginning, or why there is none.
  public var primary: Result<GPT, GPTError>
  /// The backup, or why there is none.
  public var backup: Result<GPT, GPTError>

  /// Reads both tables of a disk.
  ///
  /// The backup is looked for where a valid primary says, otherwise in the last sector. Every number that comes from the disk is
  /// checked before it is used. The table may be larger than the library writes, so that foreign disks can be looked at.
  ///
  /// - Parameters:
  ///   - diskSizeInSectors: size of the disk in sectors of 512 bytes.
  ///   - read: gives `count` sectors from `lba` on; fewer bytes where the disk ends.
  /// - Throws: only what `read` throws.
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

  /// The table that counts: the primary if it is whole, otherwise the backup.
  ///
  /// - Throws: why there is no primary, where there is no backup either.
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
    // Whoever uses a partition counts with its sectors, in bytes as well.
    if let partition = table.partitions.first(where: { $0.lastLBA < $0.firstLBA || $0.lastLBA >= 1 << 54 }) {
      return .failure(.outsideDisk(partition: partition.number))
    }
    return .success(table)
  }
}

extension GPT {
  /// The table that a checked header and its checked entries describe.
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
