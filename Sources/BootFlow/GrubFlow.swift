import Crypto
import DeviceModel
import LinuxSystem

/// GRUB: two copies of a record, each with a checksum, say what is the standard and what is to be tried; in a third file GRUB itself writes
/// down which trial it has begun, before it begins it.
///
/// The files never change their length and are written in place. The first copy is written before the second one, and GRUB takes the
/// first one whose checksum is right: a power cut leaves the old record or the new one. A trial has a number, and is
/// begun where the third file does not have it: where that file is damaged, or cannot be written, nothing is tried.
public struct GrubFlow: BootFlow {
  /// Name of the loader.
  public let loader = "GRUB"
  private let folder: BootFolder

  /// Uses the boot partition that is mounted at a folder.
  public init(_ folder: BootFolder) { self.folder = folder }

  /// Modules that GRUB needs for it, in addition to those that start a kernel.
  public static let modules = GrubCommands.modules

  /// What the record says.
  struct Record: Equatable {
    var standard: Slot
    var trial: Slot?
    /// Number of the last trial; 0 before the first one.
    var number = 0

    var variables: [(name: String, value: String)] {
      [
        (GrubCommands.standard, standard.rawValue), (GrubCommands.trial, trial?.rawValue ?? ""),
        (GrubCommands.number, String(number)),
      ]
    }
  }

  /// The files of a new image's boot partition by which GRUB chooses.
  public static func initialFiles(standard: Slot) -> [(path: String, content: [UInt8])] {
    let block = GrubEnvironment.block(Record(standard: standard).variables)
    return (1...2).flatMap { copy in
      [
        (GrubCommands.record(copy), block),
        (GrubCommands.checksum(copy), checksum(of: block, copy: copy)),
      ]
    } + [
      (GrubCommands.begun, GrubEnvironment.block([(GrubCommands.begunNumber, "0")])),
      (BootPartition.grubConfiguration, Array(GrubCommands.configuration.utf8)),
    ]
  }

  /// A line as `sha256sum` writes it.
  private static func checksum(of block: [UInt8], copy: Int) -> [UInt8] {
    let digest = SHA256.hash(data: block).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return Array("\(digest)  /\(GrubCommands.record(copy))\n".utf8)
  }

  /// The first copy that is whole; `nil` where none is.
  func record() throws -> Record? {
    for copy in 1...2 {
      guard let block = try folder.read(GrubCommands.record(copy)),
        try folder.read(GrubCommands.checksum(copy)) == Self.checksum(of: block, copy: copy),
        let values = GrubEnvironment.variables(block),
        let standard = values[GrubCommands.standard].flatMap(Slot.init),
        let number = values[GrubCommands.number].flatMap({ Int($0) })
      else { continue }
      return Record(standard: standard, trial: values[GrubCommands.trial].flatMap(Slot.init), number: number)
    }
    return nil
  }

  private func begunNumber() throws -> Int? {
    try folder.read(GrubCommands.begun).flatMap(GrubEnvironment.variables)?[GrubCommands.begunNumber].flatMap {
      Int($0)
    }
  }

  private func write(_ record: Record) throws {
    let block = GrubEnvironment.block(record.variables)
    for copy in 1...2 {
      try folder.overwrite(GrubCommands.record(copy), block)
      try folder.overwrite(GrubCommands.checksum(copy), Self.checksum(of: block, copy: copy))
    }
  }

  private func isStartable(_ slot: Slot) throws -> Bool {
    !(try folder.read(BootPartition.grubCommands(slot)) ?? []).isEmpty
  }

  /// What GRUB would do.
  public func choice() throws -> BootChoice {
    let record = try record()
    let preferred = (record.map { [$0.standard] } ?? []) + Slot.allCases
    let standard = try preferred.first(where: isStartable)
    guard let record, let trial = record.trial, try isStartable(trial) else { return BootChoice(standard: standard) }
    let begun = try begunNumber()
    return BootChoice(
      standard: standard, trial: BootChoice.Trial(trial, isSpent: begun == nil || begun == record.number))
  }

  /// Drops the slot's trial, then its commands: GRUB takes a slot without any for one that is not there.
  public func withdraw(_ slot: Slot) throws {
    if try choice().standard == slot { throw BootFlowFailure.isStandard(slot) }
    try write(Record(standard: slot.other, trial: nil, number: try lastNumber()))
    try folder.remove(BootPartition.grubCommands(slot))
  }

  /// Writes the slot's commands, and then the number of a trial that GRUB has not begun.
  public func offer(_ entry: BootEntry) throws {
    let standard = try choice().standard
    if standard == entry.slot { throw BootFlowFailure.isStandard(entry.slot) }
    let commands = Array(entry.grubCommands.utf8)
    if try folder.read(BootPartition.grubCommands(entry.slot)) != commands {
      try folder.create(BootPartition.grubCommands(entry.slot), commands)
    }
    let last = try lastNumber()
    // GRUB reads and writes only a file that is as it should be.
    try folder.overwrite(
      GrubCommands.begun, GrubEnvironment.block([(GrubCommands.begunNumber, String(try begunNumber() ?? last))]))
    try write(Record(standard: standard ?? entry.slot.other, trial: entry.slot, number: last + 1))
  }

  /// Writes the slot down as the standard.
  public func commit(_ slot: Slot) throws {
    guard try isStartable(slot) else { throw BootFlowFailure.notStartable(slot) }
    try write(Record(standard: slot, trial: nil, number: try lastNumber()))
  }

  private func lastNumber() throws -> Int { try max(record()?.number ?? 0, begunNumber() ?? 0) }

  /// What GRUB knows of a slot. Its commands do not tell title and version, which no menu shows.
  public func entry(of slot: Slot) throws -> BootEntry? {
    guard try isStartable(slot), let line = try folder.read(BootPartition.commandLine(slot)) else { return nil }
    return BootEntry(slot: slot, title: "", version: "", commandLine: line)
  }
}
