import DeviceModel
import LinuxSystem

/// systemd-boot with boot counting (UAPI.1, "Boot Counting"): the loader counts the tries of a trial in the name of its
/// entry.
///
/// An entry is `cultivar-SLOT-GENERATION.conf`, on trial `cultivar-SLOT-GENERATION+1.conf`. The loader renames the
/// latter to `…+0-1.conf` before it starts the slot. In the loader's order, the highest generation comes first, and
/// entries without tries left come last. An entry is never changed: a new one is created, then the old one is removed.
/// The committed slot has a second entry, `cultivar-SLOT-GENERATION-spare.conf`, which is next in the order. The loader
/// uses it if the first one is damaged.
public struct SystemdBootFlow: BootFlow {
  public let loader = "systemd-boot"
  private let folder: BootFolder

  /// Uses a mounted boot partition.
  public init(_ folder: BootFolder) { self.folder = folder }

  /// The loader's files on the boot partition of a new image.
  ///
  /// - Parameter entry: The slot with a release, which becomes the standard.
  public static func initialFiles(for entry: BootEntry) -> [(path: String, content: [UInt8])] {
    [
      (BootPartition.loaderConfiguration, Array("timeout 0\nconsole-mode keep\neditor no\nauto-entries no\n".utf8))
    ]
      + [false, true].map { isSpare in
        let own = Entry(slot: entry.slot, generation: 1, isSpare: isSpare)
        return (own.path, own.text(entry))
      }
  }

  /// The properties of an entry that are in its file name.
  struct Entry: Equatable {
    var slot: Slot
    var generation: Int
    /// Number of tries left; `nil` for an unlimited number.
    var triesLeft: Int?
    /// True for the second copy of an entry, used if the first one is damaged.
    var isSpare = false
    /// The file name as it was read. The loader may have added the number of failed tries.
    var name: String

    init(slot: Slot, generation: Int, triesLeft: Int? = nil, isSpare: Bool = false) {
      (self.slot, self.generation, self.triesLeft, self.isSpare) = (slot, generation, triesLeft, isSpare)
      let suffix = isSpare ? Self.spare : triesLeft.map { "+\($0)" } ?? ""
      name = "cultivar-\(slot.rawValue)-\(generation)\(suffix).conf"
    }

    private static let spare = "-spare"

    /// The loader's order of entries without counting, reversed: the preferred entry is the last one.
    static func isBefore(_ one: Entry, _ other: Entry) -> Bool {
      (one.generation, one.isSpare ? 0 : 1) < (other.generation, other.isSpare ? 0 : 1)
    }

    /// The content of the entry's file.
    func text(_ content: BootEntry) -> [UInt8] {
      Array(content.bootLoaderSpecification(generation: generation, isSpare: isSpare).utf8)
    }

    /// Parses a file name; `nil` if Cultivar did not create it.
    init?(name: String) {
      guard name.hasPrefix("cultivar-"), name.hasSuffix(".conf") else { return nil }
      let stem = name.dropFirst("cultivar-".count).dropLast(".conf".count)
      isSpare = stem.hasSuffix(Self.spare)
      let parts = (isSpare ? stem.dropLast(Self.spare.count) : stem)
        .split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
      let identity = parts[0].split(separator: "-", omittingEmptySubsequences: false)
      guard identity.count == 2, let slot = Slot(rawValue: String(identity[0])), let generation = Int(identity[1]),
        generation > 0
      else { return nil }
      if parts.count == 2 {
        guard let left = Int(parts[1].prefix { $0 != "-" }), left >= 0 else { return nil }
        triesLeft = left
      }
      (self.slot, self.generation, self.name) = (slot, generation, name)
    }

    var path: String { "\(BootPartition.entries)/\(name)" }
  }

  /// The valid entries. A file that a power cut left empty is not valid.
  func entries() throws -> [Entry] {
    try folder.names(in: BootPartition.entries).compactMap(Entry.init(name:)).filter { try content(of: $0) != nil }
  }

  private func content(of entry: Entry) throws -> BootEntry? {
    try folder.read(entry.path).flatMap {
      BootEntry(entry.slot, bootLoaderSpecification: String(decoding: $0, as: UTF8.self))
    }
  }

  public func choice() throws -> BootChoice {
    let entries = try entries()
    let standard = entries.filter { $0.triesLeft == nil }.max(by: Entry.isBefore)
    // An entry on trial may remain after its slot was committed.
    let trial = entries.filter { $0.triesLeft != nil && $0.generation > standard?.generation ?? 0 }
      .max { $0.generation < $1.generation }
    return BootChoice(
      standard: standard?.slot, trial: trial.map { BootChoice.Trial($0.slot, isSpent: $0.triesLeft == 0) })
  }

  /// Removes a slot's entries. From then on the device depends on the other slot's entries, so damaged ones are
  /// repaired first.
  public func withdraw(_ slot: Slot) throws {
    if try choice().standard == slot { throw BootFlowFailure.isStandard(slot) }
    if let standard = try entries().filter({ $0.triesLeft == nil }).max(by: Entry.isBefore),
      let content = try content(of: standard)
    {
      try makeStandard(content, generation: standard.generation)
    }
    // Includes files that a power cut left empty.
    for entry in folder.names(in: BootPartition.entries).compactMap(Entry.init(name:)) where entry.slot == slot {
      try folder.remove(entry.path)
    }
  }

  /// Creates an entry with one try and the highest generation, then removes the slot's other entries.
  public func offer(_ entry: BootEntry) throws {
    if try choice().standard == entry.slot { throw BootFlowFailure.isStandard(entry.slot) }
    try replaceEntries(of: entry, by: [Entry(slot: entry.slot, generation: try nextGeneration(), triesLeft: 1)])
  }

  /// Creates an entry without counting. It keeps the slot's generation if that is the highest; otherwise it gets the
  /// next one.
  public func commit(_ slot: Slot) throws {
    let entries = try entries()
    let ofSlot = entries.filter { $0.slot == slot }
    guard let own = ofSlot.max(by: Entry.isBefore), let content = try content(of: own) else {
      throw BootFlowFailure.notStartable(slot)
    }
    let isHighest = own.generation == entries.map(\.generation).max()
    try makeStandard(content, generation: isHighest ? own.generation : try nextGeneration())
  }

  /// Creates the missing ones of a slot's entry and its spare, and removes the slot's other entries.
  private func makeStandard(_ content: BootEntry, generation: Int) throws {
    try replaceEntries(
      of: content, by: [false, true].map { Entry(slot: content.slot, generation: generation, isSpare: $0) })
  }

  /// Reads the slot's newest entry.
  public func entry(of slot: Slot) throws -> BootEntry? {
    try entries().filter { $0.slot == slot }.max(by: Entry.isBefore).flatMap(content(of:))
  }

  /// Creates new entries before it removes old ones, so that the loader always has the old entries, the new ones, or
  /// both. Keeps new entries that exist already.
  private func replaceEntries(of content: BootEntry, by entries: [Entry]) throws {
    for entry in entries where try self.content(of: entry) != content {
      try folder.create(entry.path, entry.text(content))
    }
    let names = Set(entries.map(\.name))
    for old in folder.names(in: BootPartition.entries).compactMap(Entry.init(name:))
    where old.slot == content.slot && !names.contains(old.name) {
      try folder.remove(old.path)
    }
  }

  private func nextGeneration() throws -> Int {
    (folder.names(in: BootPartition.entries).compactMap { Entry(name: $0)?.generation }.max() ?? 0) + 1
  }
}
