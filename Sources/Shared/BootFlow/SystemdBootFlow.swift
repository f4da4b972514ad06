import DeviceModel
import LinuxSystem

/// systemd-boot with boot counting (UAPI.1, "Boot Counting"): the loader itself counts a trial down, in the name of its entry.
///
/// An entry is `cultivar-SLOT-GENERATION.conf`, on trial `cultivar-SLOT-GENERATION+1.conf`, which the loader renames to
/// `…+0-1.conf` before it starts it. Entries without tries left come last in the loader's order, the others by their generation, the
/// highest first. An entry is never changed: another one is made, and the old one removed after it. What is committed has a second
/// entry, `cultivar-SLOT-GENERATION-spare.conf`, next in order, which the loader takes where the first one is damaged.
public struct SystemdBootFlow: BootFlow {
  /// Name of the loader.
  public let loader = "systemd-boot"
  private let folder: BootFolder

  /// Uses the boot partition that is mounted at a folder.
  public init(_ folder: BootFolder) { self.folder = folder }

  /// The files of a new image's boot partition by which the loader chooses.
  ///
  /// - Parameter entry: The slot that has something, and is the standard.
  public static func initialFiles(for entry: BootEntry) -> [(path: String, content: [UInt8])] {
    [
      (BootPartition.loaderConfiguration, Array("timeout 0\nconsole-mode keep\neditor no\nauto-entries no\n".utf8))
    ]
      + [false, true].map { isSpare in
        let own = Entry(slot: entry.slot, generation: 1, isSpare: isSpare)
        return (own.path, own.text(entry))
      }
  }

  /// An entry, as its name tells it.
  struct Entry: Equatable {
    var slot: Slot
    var generation: Int
    /// How often the loader may still start it; `nil` for as often as it is started.
    var triesLeft: Int?
    /// Whether it stands in for another one that is damaged.
    var isSpare = false
    /// The name that it was read with: the loader also counts how often it has tried.
    var name: String

    init(slot: Slot, generation: Int, triesLeft: Int? = nil, isSpare: Bool = false) {
      (self.slot, self.generation, self.triesLeft, self.isSpare) = (slot, generation, triesLeft, isSpare)
      let suffix = isSpare ? Self.spare : triesLeft.map { "+\($0)" } ?? ""
      name = "cultivar-\(slot.rawValue)-\(generation)\(suffix).conf"
    }

    private static let spare = "-spare"

    /// The order of the loader, of entries that it may start as often as it likes: the last one comes first.
    static func isBefore(_ one: Entry, _ other: Entry) -> Bool {
      (one.generation, one.isSpare ? 0 : 1) < (other.generation, other.isSpare ? 0 : 1)
    }

    /// What stands in it.
    func text(_ content: BootEntry) -> [UInt8] {
      Array(content.bootLoaderSpecification(generation: generation, isSpare: isSpare).utf8)
    }

    /// Reads a name; `nil` where it is none of ours.
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

  /// The entries that the loader takes for some: one that a power cut left empty is none.
  func entries() throws -> [Entry] {
    try folder.names(in: BootPartition.entries).compactMap(Entry.init(name:)).filter { try content(of: $0) != nil }
  }

  private func content(of entry: Entry) throws -> BootEntry? {
    try folder.read(entry.path).flatMap {
      BootEntry(entry.slot, bootLoaderSpecification: String(decoding: $0, as: UTF8.self))
    }
  }

  /// What the loader would do.
  public func choice() throws -> BootChoice {
    let entries = try entries()
    let standard = entries.filter { $0.triesLeft == nil }.max(by: Entry.isBefore)
    // A trial that was committed may have left its entry behind.
    let trial = entries.filter { $0.triesLeft != nil && $0.generation > standard?.generation ?? 0 }
      .max { $0.generation < $1.generation }
    return BootChoice(
      standard: standard?.slot, trial: trial.map { BootChoice.Trial($0.slot, isSpent: $0.triesLeft == 0) })
  }

  /// Removes a slot's entries. From then on all depends on the other one's: what of them is damaged is made anew first.
  public func withdraw(_ slot: Slot) throws {
    if try choice().standard == slot { throw BootFlowFailure.isStandard(slot) }
    if let standard = try entries().filter({ $0.triesLeft == nil }).max(by: Entry.isBefore),
      let content = try content(of: standard)
    {
      try makeStandard(content, generation: standard.generation)
    }
    // Those that a power cut left empty as well.
    for entry in folder.names(in: BootPartition.entries).compactMap(Entry.init(name:)) where entry.slot == slot {
      try folder.remove(entry.path)
    }
  }

  /// Makes an entry with one try and the highest generation; the slot's others go after it.
  public func offer(_ entry: BootEntry) throws {
    if try choice().standard == entry.slot { throw BootFlowFailure.isStandard(entry.slot) }
    try replaceEntries(of: entry, by: [Entry(slot: entry.slot, generation: try nextGeneration(), triesLeft: 1)])
  }

  /// Makes an entry that is not counted: with the trial's generation, or where the slot was no trial with the highest.
  public func commit(_ slot: Slot) throws {
    let entries = try entries()
    let ofSlot = entries.filter { $0.slot == slot }
    guard let own = ofSlot.max(by: Entry.isBefore), let content = try content(of: own) else {
      throw BootFlowFailure.notStartable(slot)
    }
    let isHighest = own.generation == entries.map(\.generation).max()
    try makeStandard(content, generation: isHighest ? own.generation : try nextGeneration())
  }

  /// Makes a slot's entry and its spare one, as far as they are not there; the slot's others go.
  private func makeStandard(_ content: BootEntry, generation: Int) throws {
    try replaceEntries(
      of: content, by: [false, true].map { Entry(slot: content.slot, generation: generation, isSpare: $0) })
  }

  /// What the slot's newest entry says.
  public func entry(of slot: Slot) throws -> BootEntry? {
    try entries().filter { $0.slot == slot }.max(by: Entry.isBefore).flatMap(content(of:))
  }

  /// The new entries are whole before an old one goes, so that at each moment the loader has what it had, or the new ones as well. One that
  /// is there already stays.
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
