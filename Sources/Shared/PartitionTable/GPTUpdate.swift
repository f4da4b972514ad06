/// A step of a change to the tables of a disk. Its regions must be on the disk before the next step begins.
public struct GPTWriteStep: Sendable, Equatable {
  /// The regions, in the order of writing.
  public var regions: [DiskRegion]
}

/// The steps to change the tables of a disk. After a power cut at any write, the disk has a valid table.
///
/// The only requirement on the disk is that it writes a sector either completely or not at all. The steps, and the
/// state after a power cut during each of them:
///
/// 1. *Repair*, only if the primary table is damaged: write it from the backup, entries first. After a power cut, the
///    primary is still damaged and the backup is used. When the step is complete, the primary is valid and the backup
///    may be overwritten.
/// 2. *New backup*, entries and then header. After a power cut, the primary is unchanged and is used. The next start
///    compares both tables and repairs the incomplete backup.
/// 3. *New entries* in the place that the primary header does not refer to. After a power cut, the header refers to the
///    old ones.
/// 4. *New primary header*, one sector. Before this write, the old table is used; afterwards, the new one. If the disk
///    writes the sector incompletely, its checksum is wrong, and the backup from step 2 is used.
/// 5. *Protective record* in sector 0. Only the disk's size in it changes, which neither Linux nor UEFI reads.
public struct GPTUpdate: Sendable, Equatable {
  public var steps: [GPTWriteStep]

  /// Plans the change from the tables of a disk to `table`. There are no steps if both copies are correct already.
  ///
  /// - Parameters:
  ///   - table: The new table. Its `primaryEntriesLBA` is ignored and chosen here.
  ///   - reading: The current tables of the disk.
  ///   - bootCode: The first 440 bytes of the disk, which are kept.
  /// - Throws: ``GPTError`` if the disk has no valid table, or the new one is not valid.
  public init(to table: GPT, from reading: GPTReading, bootCode: [UInt8]) throws(GPTError) {
    let current = try reading.table()
    var wanted = table
    wanted.primaryEntriesLBA = current.primaryEntriesLBA
    steps = []

    if case .failure = reading.primary {
      let repaired = try current.serialised(bootCode: bootCode)
      steps.append(GPTWriteStep(regions: [repaired.primaryEntries]))
      steps.append(GPTWriteStep(regions: [repaired.primaryHeader]))
    }

    let isSwitched = wanted != current
    if isSwitched {
      wanted.primaryEntriesLBA =
        current.primaryEntriesLBA == GPT.usualEntriesLBA ? GPT.alternateEntriesLBA : GPT.usualEntriesLBA
    }
    let bytes = try wanted.serialised(bootCode: bootCode)

    if isSwitched || !Self.isCopy(reading.backup, of: wanted) {
      steps.append(GPTWriteStep(regions: [bytes.backupEntries]))
      steps.append(GPTWriteStep(regions: [bytes.backupHeader]))
    }
    if isSwitched {
      steps.append(GPTWriteStep(regions: [bytes.primaryEntries]))
      steps.append(GPTWriteStep(regions: [bytes.primaryHeader]))
      steps.append(GPTWriteStep(regions: [bytes.protectiveMBR]))
    }
  }

  /// True if the backup equals `table`, except for the position of the primary entries.
  private static func isCopy(_ backup: Result<GPT, GPTError>, of table: GPT) -> Bool {
    guard case .success(var copy) = backup else { return false }
    copy.primaryEntriesLBA = table.primaryEntriesLBA
    return copy == table
  }
}
