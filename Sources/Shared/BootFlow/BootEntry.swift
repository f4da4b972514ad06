import DeviceModel

/// What a boot loader is told about one slot.
///
/// Kernel, initial RAM file system and command line belong to the slot: they are replaced and fall back with it.
public struct BootEntry: Sendable, Equatable {
  /// The slot.
  public var slot: Slot
  /// Name shown in a loader's menu.
  public var title: String
  /// Version of the release in the slot.
  public var version: String
  /// Kernel command line, without the parts that say which slot it is.
  public var arguments: [String]

  /// Makes an entry.
  public init(slot: Slot, title: String, version: String, arguments: [String]) {
    self.slot = slot
    self.title = title
    self.version = version
    self.arguments = arguments
  }

  /// Makes an entry of a command line as a bundle has it.
  public init(slot: Slot, title: String, version: String, commandLine: [UInt8]) {
    self.init(
      slot: slot, title: title, version: version,
      arguments: String(decoding: commandLine, as: UTF8.self).split { $0 == " " || $0 == "\n" }.map(String.init))
  }

  /// The command line as a bundle has it: without what says which slot it is.
  public var commandLine: String { arguments.joined(separator: " ") + "\n" }

  /// The command line for a loader that says on it which one it is, or by `nil` for one that tells otherwise.
  func options(loader: BootRecord.Loader? = nil) -> [String] {
    arguments + ["\(KernelParameter.slot)=\(slot.rawValue)"]
      + (loader.map { ["\(KernelParameter.loader)=\($0.rawValue)"] } ?? [])
  }

  /// The entry for systemd-boot (UAPI.1 Boot Loader Specification, type 1).
  ///
  /// - Parameters:
  ///   - generation: The loader prefers entries with a higher one: its order is that of the sort keys, lowest first.
  ///   - isSpare: Whether it comes behind another one of the same generation.
  public func bootLoaderSpecification(generation: Int, isSpare: Bool = false) -> String {
    """
    title \(title)
    version \(version)
    sort-key \(Self.sortKey(generation: generation))\(isSpare ? "-spare" : "")
    linux /\(BootPartition.kernel(slot))
    initrd /\(BootPartition.initialRAM(slot))
    options \(options().joined(separator: " "))

    """
  }

  /// A word of GRUB's command language that stands for itself: `memmap=1M$2G` has a character that means something there.
  private static func grubWord(_ text: String) -> String {
    let plain = text.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
      default: "+,-./:=@_%".utf8.contains(byte)
      }
    }
    // Nothing has a meaning between single quotes but the next one (GRUB manual, "Quoting").
    return plain ? text : "'\(text.replacing("'", with: "'\\''"))'"
  }

  private static func sortKey(generation: Int) -> String {
    let rank = String(highestGeneration - min(generation, highestGeneration))
    return "cultivar-" + String(repeating: "0", count: 8 - rank.count) + rank
  }

  private static let highestGeneration = 99_999_999

  /// Reads an entry for systemd-boot that ``bootLoaderSpecification(generation:)`` has made; `nil` for any other text.
  public init?(_ slot: Slot, bootLoaderSpecification text: String) {
    let fields = Dictionary(
      text.split(separator: "\n").map { line in
        let parts = line.split(separator: " ", maxSplits: 1)
        return (parts[0], parts.count > 1 ? String(parts[1]) : "")
      }, uniquingKeysWith: { first, _ in first })
    guard let title = fields["title"], let version = fields["version"],
      fields["linux"] == "/\(BootPartition.kernel(slot))", let options = fields["options"]
    else { return nil }
    self.init(
      slot: slot, title: title, version: version,
      arguments: options.split(separator: " ").map(String.init).filter { !$0.hasPrefix(KernelParameter.slot) })
  }

  /// The commands by which GRUB starts the slot; `root` is the boot partition. Where one of them fails, GRUB goes on with what called them.
  ///
  /// The partition's unique id goes onto the command line, so that stage 1 finds the disk that was booted from: the
  /// BIOS has no other way to tell. So does what says that it is a trial.
  public var grubCommands: String {
    """
    \(Self.grubBegin)
    if linux /\(BootPartition.kernel(slot)) \(options(loader: .grub).map(Self.grubWord).joined(separator: " ")) \(KernelParameter.bootPartition)=$boot_partition $cultivar_argument; then
      if initrd /\(BootPartition.initialRAM(slot)); then
        boot
      fi
    \(Self.grubEnd)
    """
  }

  /// How the commands begin.
  static let grubBegin = "probe --set=boot_partition --part-uuid $root"
  /// How they end.
  static let grubEnd = "fi\n"
}
