import DeviceModel
import LinuxSystem

/// A loader that runs commands of ours: two copies of a record say what is the standard and what is to be tried; in a third file the
/// loader itself writes down which trial it has begun, before it begins it.
///
/// The files never change their length and are written in place. The first copy is written before the second one, and the loader takes the
/// first one that is whole: a power cut leaves the old record or the new one. A trial has a number, and is
/// begun where the third file does not have it: where that file is damaged, or cannot be written, nothing is tried.
public struct RecordFlow<Dialect: RecordDialect>: BootFlow {
  private let folder: BootFolder

  /// Uses the boot partition that is mounted at a folder.
  public init(_ folder: BootFolder) { self.folder = folder }

  /// Name of the loader.
  public var loader: String { Dialect.loader.title }

  /// What the record says.
  struct Record: Equatable {
    var standard: Slot
    var trial: Slot?
    /// Number of the last trial; 0 before the first one.
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

  /// The files of a new image's boot partition by which the loader chooses.
  ///
  /// - Parameter entry: The slot that has something, and is the standard.
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

  /// The first copy that is whole; `nil` where none is.
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

  /// The first of the slot's files that is whole; `nil` where the slot is not there.
  private func start(of slot: Slot) throws -> [UInt8]? {
    try Dialect.startFiles(slot).compactMap { try folder.read($0) }.first(where: Dialect.isWhole)
  }

  private func isStartable(_ slot: Slot) throws -> Bool { try start(of: slot) != nil }

  /// Makes what starts a slot, where it is not there or says something else.
  private func makeStart(of slot: Slot, _ start: [UInt8]) throws {
    for file in Dialect.startFiles(slot) where try folder.read(file) != start { try folder.create(file, start) }
  }

  /// What the loader would do.
  public func choice() throws -> BootChoice {
    let record = try record()
    let preferred = (record.map { [$0.standard] } ?? []) + Slot.allCases
    let standard = try preferred.first(where: isStartable)
    guard let record, let trial = record.trial, try isStartable(trial) else { return BootChoice(standard: standard) }
    let begun = try begunNumber()
    return BootChoice(
      standard: standard, trial: BootChoice.Trial(trial, isSpent: begun == nil || begun == record.number))
  }

  /// Drops the slot's trial, then what starts it: the loader takes a slot without it for one that is not there. From then on all depends
  /// on the other slot's files: what of them is damaged is made anew first.
  public func withdraw(_ slot: Slot) throws {
    if try choice().standard == slot { throw BootFlowFailure.isStandard(slot) }
    if let start = try start(of: slot.other) { try makeStart(of: slot.other, start) }
    try write(Record(standard: slot.other, trial: nil, number: try lastNumber()))
    for file in Dialect.startFiles(slot) { try folder.remove(file) }
  }

  /// Writes what starts the slot, and then the number of a trial that the loader has not begun.
  public func offer(_ entry: BootEntry) throws {
    let standard = try choice().standard
    if standard == entry.slot { throw BootFlowFailure.isStandard(entry.slot) }
    try makeStart(of: entry.slot, Dialect.start(of: entry))
    let last = try lastNumber()
    // The loader reads and writes only a file that is as it should be.
    try folder.overwrite(
      Self.begunFile, Dialect.block([(RecordVariable.begun, String(try begunNumber() ?? last))]))
    try write(Record(standard: standard ?? entry.slot.other, trial: entry.slot, number: last + 1))
  }

  /// Writes the slot down as the standard.
  public func commit(_ slot: Slot) throws {
    guard try isStartable(slot) else { throw BootFlowFailure.notStartable(slot) }
    try write(Record(standard: slot, trial: nil, number: try lastNumber()))
  }

  private func lastNumber() throws -> Int { try max(record()?.number ?? 0, begunNumber() ?? 0) }

  /// What the loader knows of a slot. What starts it does not tell title and version, which no menu shows.
  public func entry(of slot: Slot) throws -> BootEntry? {
    guard try isStartable(slot), let line = try folder.read(BootPartition.commandLine(slot)) else { return nil }
    return BootEntry(slot: slot, title: "", version: "", commandLine: line)
  }
}

/// How a loader reads the files of ``RecordFlow``, and by which commands it acts on them.
public protocol RecordDialect: Sendable {
  /// The loader.
  static var loader: BootRecord.Loader { get }
  /// Folder of its files on the boot partition.
  static var folder: String { get }

  /// A file of variables, always of the same length. Names and values are ASCII without control characters.
  static func block(_ variables: [(name: String, value: String)]) -> [UInt8]
  /// The variables of such a file; `nil` where the loader would not take it.
  static func variables(_ block: [UInt8]) -> [String: String]?
  /// What stands in a second file about a copy of the record, by which the loader tells a copy that is whole; `nil` where the block says it itself.
  static func checksum(of block: [UInt8], in file: String) -> [UInt8]?

  /// The files by which a slot is started, all with the same content: the loader takes the first one that it can. Without any the slot is
  /// not there.
  static func startFiles(_ slot: Slot) -> [String]
  /// Its content.
  static func start(of entry: BootEntry) -> [UInt8]
  /// Whether the loader would take it.
  static func isWhole(_ start: [UInt8]) -> Bool

  /// The commands that choose a slot, and their file. They are the same for every release.
  static var commands: (path: String, content: [UInt8]) { get }
}

/// Names of the variables in the record, and in what the loader writes.
enum RecordVariable {
  static let (standard, trial, number) = ("cultivar_standard", "cultivar_trial", "cultivar_number")
  static let begun = "cultivar_begun"
}
