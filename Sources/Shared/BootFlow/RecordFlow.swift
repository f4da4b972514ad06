import DeviceModel
import LinuxSystem

/// A boot flow for loaders that run Cultivar's commands. Two copies of a record hold the standard and the trial. In a
/// third file, the loader writes the number of a trial before it begins that trial.
///
/// The files have a constant length and are overwritten in place. The first copy is written before the second one, and
/// the loader uses the first valid copy, so a power cut leaves either the old or the new record. Each trial has a
/// number. The loader begins a trial only if the third file contains a different number; if that file is damaged or
/// cannot be written, the loader skips the trial.
public struct RecordFlow<Dialect: RecordDialect>: BootFlow {
  private let folder: BootFolder

  /// Uses a mounted boot partition.
  public init(_ folder: BootFolder) { self.folder = folder }

  public var loader: String { Dialect.loader.title }

  /// The content of the record.
  struct Record: Equatable {
    var standard: Slot
    var trial: Slot?
    /// Number of the last trial; 0 if there was none.
    var number = 0

    var variables: [(name: String, value: String)] {
      [
        (RecordVariable.standard, standard.rawValue), (RecordVariable.trial, trial?.rawValue ?? ""),
        (RecordVariable.number, String(number)),
      ]
    }
  }

  private static func recordFile(_ copy: Int) -> String { "\(Dialect.folder)/choice-\(copy).env" }
  private static var begunFile: String { "\(Dialect.folder)/begun.env" }

  /// The loader's files on the boot partition of a new image.
  ///
  /// - Parameter entry: The slot with a release, which becomes the standard.
  public static func initialFiles(for entry: BootEntry) -> [(path: String, content: [UInt8])] {
    let block = Dialect.block(Record(standard: entry.slot).variables)
    return (1...2).flatMap { copy in
      [(path: recordFile(copy), content: block)] + (checksum(of: block, copy: copy).map { [$0] } ?? [])
    } + [
      (begunFile, Dialect.block([(RecordVariable.begun, "0")])), Dialect.commands,
    ] + Dialect.startFiles(entry.slot).map { ($0, Dialect.start(of: entry)) }
  }

  private static func checksum(of block: [UInt8], copy: Int) -> (path: String, content: [UInt8])? {
    Dialect.checksum(of: block, in: recordFile(copy)).map { ("\(Dialect.folder)/choice-\(copy).sha256", $0) }
  }

  /// Reads the first valid copy; `nil` if neither is valid.
  func record() throws -> Record? {
    for copy in 1...2 {
      guard let block = try folder.read(Self.recordFile(copy)) else { continue }
      if let checksum = Self.checksum(of: block, copy: copy), try folder.read(checksum.path) != checksum.content {
        continue
      }
      guard let values = Dialect.variables(block), let standard = values[RecordVariable.standard].flatMap(Slot.init),
        let number = values[RecordVariable.number].flatMap({ Int($0) })
      else { continue }
      return Record(standard: standard, trial: values[RecordVariable.trial].flatMap(Slot.init), number: number)
    }
    return nil
  }

  private func begunNumber() throws -> Int? {
    try folder.read(Self.begunFile).flatMap(Dialect.variables)?[RecordVariable.begun].flatMap { Int($0) }
  }

  private func write(_ record: Record) throws {
    let block = Dialect.block(record.variables)
    for copy in 1...2 {
      try folder.overwrite(Self.recordFile(copy), block)
      if let checksum = Self.checksum(of: block, copy: copy) {
        try folder.overwrite(checksum.path, checksum.content)
      }
    }
  }

  /// Reads the first valid start file of a slot; `nil` if there is none.
  private func start(of slot: Slot) throws -> [UInt8]? {
    try Dialect.startFiles(slot).compactMap { try folder.read($0) }.first(where: Dialect.isWhole)
  }

  private func isStartable(_ slot: Slot) throws -> Bool { try start(of: slot) != nil }

  /// Writes the start files of a slot that are missing or different.
  private func makeStart(of slot: Slot, _ start: [UInt8]) throws {
    for file in Dialect.startFiles(slot) where try folder.read(file) != start { try folder.create(file, start) }
  }

  public func choice() throws -> BootChoice {
    let record = try record()
    let preferred = (record.map { [$0.standard] } ?? []) + Slot.allCases
    let standard = try preferred.first(where: isStartable)
    guard let record, let trial = record.trial, try isStartable(trial) else { return BootChoice(standard: standard) }
    let begun = try begunNumber()
    return BootChoice(
      standard: standard, trial: BootChoice.Trial(trial, isSpent: begun == nil || begun == record.number))
  }

  /// Removes the slot's trial, then its start files: for the loader, a slot without start files does not exist. From
  /// then on the device depends on the other slot's files, so damaged copies of those are repaired first.
  public func withdraw(_ slot: Slot) throws {
    if try choice().standard == slot { throw BootFlowFailure.isStandard(slot) }
    if let start = try start(of: slot.other) { try makeStart(of: slot.other, start) }
    try write(Record(standard: slot.other, trial: nil, number: try lastNumber()))
    for file in Dialect.startFiles(slot) { try folder.remove(file) }
  }

  /// Writes the slot's start files, then a record with a new trial number.
  public func offer(_ entry: BootEntry) throws {
    let standard = try choice().standard
    if standard == entry.slot { throw BootFlowFailure.isStandard(entry.slot) }
    try makeStart(of: entry.slot, Dialect.start(of: entry))
    let last = try lastNumber()
    // Repair the loader's file first: without it the loader skips the trial.
    try folder.overwrite(
      Self.begunFile, Dialect.block([(RecordVariable.begun, String(try begunNumber() ?? last))]))
    try write(Record(standard: standard ?? entry.slot.other, trial: entry.slot, number: last + 1))
  }

  /// Writes a record with the slot as the standard.
  public func commit(_ slot: Slot) throws {
    guard try isStartable(slot) else { throw BootFlowFailure.notStartable(slot) }
    try write(Record(standard: slot, trial: nil, number: try lastNumber()))
  }

  private func lastNumber() throws -> Int { try max(record()?.number ?? 0, begunNumber() ?? 0) }

  /// The entry of a slot, without title and version: start files do not contain them, and no menu shows them.
  public func entry(of slot: Slot) throws -> BootEntry? {
    guard try isStartable(slot), let line = try folder.read(BootPartition.commandLine(slot)) else { return nil }
    return BootEntry(slot: slot, title: "", version: "", commandLine: line)
  }
}

/// The format of the files of ``RecordFlow`` for one loader, and the commands that read them.
public protocol RecordDialect: Sendable {
  static var loader: BootLoader { get }
  /// Folder of the loader's files on the boot partition.
  static var folder: String { get }

  /// Makes a file of variables, of constant length. Names and values are ASCII without control characters.
  static func block(_ variables: [(name: String, value: String)]) -> [UInt8]
  /// Parses a file of variables; `nil` if the loader would reject it.
  static func variables(_ block: [UInt8]) -> [String: String]?
  /// The content of the checksum file for a copy of the record; `nil` if the block contains its own checksum.
  static func checksum(of block: [UInt8], in file: String) -> [UInt8]?

  /// The files that start a slot, all with the same content: the loader uses the first one that works. Without any of
  /// them the slot does not exist.
  static func startFiles(_ slot: Slot) -> [String]
  /// Makes the content of these files.
  static func start(of entry: BootEntry) -> [UInt8]
  /// True if the loader would accept the content.
  static func isWhole(_ start: [UInt8]) -> Bool

  /// The commands that choose a slot, and the path of their file. They are the same in every release.
  static var commands: (path: String, content: [UInt8]) { get }
}

/// Names of the variables in the record and in the loader's file.
enum RecordVariable {
  static let (standard, trial, number) = ("cultivar_standard", "cultivar_trial", "cultivar_number")
  static let begun = "cultivar_begun"
}
