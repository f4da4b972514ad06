/// One step of changing the tables of a disk: write the regions, then make them durable before the next step.
public struct GPTWriteStep: Sendable, Equatable {
  /// What is written, in this order.
  public var regions: [DiskRegion]
}

/// The steps by which the tables of a disk are changed so that a power cut at any write leaves a whole table that counts.
///
/// A sector is written whole or not at all; nothing more is asked of the disk. What a cut leaves behind:
///
/// 1. *Repair*, only if the primary is damaged: it is written anew from the backup, entries first. Cut: the primary is still
///    damaged, the backup still counts. After this step the primary is whole, and the backup may be touched.
/// 2. *New backup*, entries and then header. Cut: the primary is untouched and counts; the half-written backup
///    is repaired by the next start, which compares the two.
/// 3. *New entries* into the place that the primary header does not point to. Cut: the header points to the old ones.
/// 4. *New primary header*, one sector: the switch. Before it the old table counts, after it the new one. Should the disk tear even
///    that sector, the checksum fails and the new backup, complete since step 2, counts.
/// 5. *Protective record* in sector 0, of which only the disk's size changes. Nothing on Linux or in UEFI reads that size.
public struct GPTUpdate: Sendable, Equatable {
  /// The steps, in order.
  public var steps: [GPTWriteStep]

  /// Plans the change from what was read to `table`; no steps where both copies are as wanted already.
  ///
  /// - Parameters:
  ///   - table: what the disk is to hold; where its entries go is decided here.
  ///   - reading: what the disk holds.
  ///   - bootCode: the first 440 bytes of the disk, which are kept.
  /// - Throws: ``GPTError`` if there is no whole table on the disk, or the new one is not valid.
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

  /// Whether the backup says the same as `table`; where the primary keeps its entries is not the backup's business.
  private static func isCopy(_ backup: Result<GPT, GPTError>, of table: GPT) -> Bool {
    guard case .success(var copy) = backup else { return false }
    copy.primaryEntriesLBA = table.primaryEntriesLBA
    return copy == table
  }
}
