import DeviceModel
import LinuxSystem

/// systemd-boot with boot counting (UAPI.1, "Boot Counting"): the loader itself counts a trial down, in the name of its entry.
///
/// An entry is `cultivar-SLOT-GENERATION.conf`, on trial `cultivar-SLOT-GENERATION+1.conf`, which the loader renames to
/// `…+0-1.conf` before it starts it. Entries without tries left come last in the loader's order, the others by their generation, the
/// highest first. An entry is never changed: another one is made, and the old one removed after it.
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
      (BootPartition.loaderConfiguration, Array("timeout 0\nconsole-mode keep\neditor no\nauto-entries no\n".utf8)),
      (Entry(slot: entry.slot, generation: 1).path, Array(entry.bootLoaderSpecification(generation: 1).utf8)),
    ]
  }

  /// An entry, as its name tells it.
  struct Entry: Equatable {
    var slot: Slot
    var generation: Int
    /// How often the loader may still start it; `nil` for as often as it is started.
    var triesLeft: Int?
    /// The name that it was read with: the loader also counts how often it has tried.
    var name: String

    init(slot: Slot, generation: Int, triesLeft: Int? = nil) {
      (self.slot, self.generation, self.triesLeft) = (slot, generation, triesLeft)
      name = "cultivar-\(slot.rawValue)-\(generation)\(triesLeft.map { "+\($0)" } ?? "").conf"
    }

    /// Reads a name; `nil` where it is none of ours.
    init?(name: String) {
      guard name.hasPrefix("cultivar-"), name.hasSuffix(".conf") else { return nil }
      let parts = name.dropFirst("cultivar-".count).dropLast(".conf".count)
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
    let standard = entries.filter { $0.triesLeft == nil }.max { $0.generation < $1.generation }
    // A trial that was committed may have left its entry behind.
    let trial = entries.filter { $0.triesLeft != nil && $0.generation > standard?.generation ?? 0 }
      .max { $0.generation < $1.generation }
    return BootChoice(
      standard: standard?.slot, trial: trial.map { BootChoice.Trial($0.slot, isSpent: $0.triesLeft == 0) })
  }

  /// Removes a slot's entries.
  public func withdraw(_ slot: Slot) throws {
    if try choice().standard == slot { throw BootFlowFailure.isStandard(slot) }
    // Those that a power cut left empty as well.
    for entry in folder.names(in: BootPartition.entries).compactMap(Entry.init(name:)) where entry.slot == slot {
      try folder.remove(entry.path)
    }
  }

  /// Makes an entry with one try and the highest generation; the slot's others go after it.
  public func offer(_ entry: BootEntry) throws {
    if try choice().standard == entry.slot { throw BootFlowFailure.isStandard(entry.slot) }
    try replaceEntries(of: entry, by: Entry(slot: entry.slot, generation: try nextGeneration(), triesLeft: 1))
  }

  /// Makes an entry that is not counted: with the trial's generation, or where the slot was no trial with the highest.
  public func commit(_ slot: Slot) throws {
    let entries = try entries()
    guard let own = entries.filter({ $0.slot == slot }).max(by: { $0.generation < $1.generation }),
      let content = try content(of: own)
    else { throw BootFlowFailure.notStartable(slot) }
    let isHighest = own.generation == entries.map(\.generation).max()
    if isHighest && own.triesLeft == nil && !entries.contains(where: { $0.slot == slot && $0 != own }) { return }
    try replaceEntries(
      of: content, by: Entry(slot: slot, generation: isHighest ? own.generation : try nextGeneration()))
  }

  /// What the slot's newest entry says.
  public func entry(of slot: Slot) throws -> BootEntry? {
    try entries().filter { $0.slot == slot }.max { $0.generation < $1.generation }.flatMap(content(of:))
  }

  /// The new entry is whole before an old one goes, so that at each moment the loader has what it had, or the new one as well.
  private func replaceEntries(of content: BootEntry, by entry: Entry) throws {
    if try self.content(of: entry) != content {
      try folder.create(entry.path, Array(content.bootLoaderSpecification(generation: entry.generation).utf8))
    }
    for old in folder.names(in: BootPartition.entries).compactMap(Entry.init(name:))
    where old.slot == entry.slot && old.name != entry.name {
      try folder.remove(old.path)
    }
  }

  private func nextGeneration() throws -> Int {
    (folder.names(in: BootPartition.entries).compactMap { Entry(name: $0)?.generation }.max() ?? 0) + 1
  }
}
