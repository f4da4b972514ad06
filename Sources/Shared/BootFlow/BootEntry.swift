import DeviceModel

/// The boot loader's entry for one slot.
///
/// Kernel, initial RAM file system and command line belong to the slot: they are replaced and fall back with it.
public struct BootEntry: Sendable, Equatable {
  public var slot: Slot
  /// Name shown in a loader's menu.
  public var title: String
  /// Version of the release in the slot.
  public var version: String
  /// Kernel command line, without the parameters that identify the slot.
  public var arguments: [String]

  public init(slot: Slot, title: String, version: String, arguments: [String]) {
    self.slot = slot
    self.title = title
    self.version = version
    self.arguments = arguments
  }

  /// Makes an entry from the kernel command line in a bundle.
  public init(slot: Slot, title: String, version: String, commandLine: [UInt8]) {
    self.init(
      slot: slot, title: title, version: version,
      arguments: String(decoding: commandLine, as: UTF8.self).split { $0 == " " || $0 == "\n" }.map(String.init))
  }

  /// The kernel command line as the bundle contains it, without the parameters that identify the slot.
  public var commandLine: String { arguments.joined(separator: " ") + "\n" }

  /// The kernel command line with the parameters that identify the slot and, if `loader` is given, the loader.
  ///
  /// Entries of systemd-boot have no loader parameter: stage 1 assumes systemd-boot if UEFI started the device.
  func options(loader: BootLoader? = nil) -> [String] {
    arguments + ["\(KernelParameter.slot)=\(slot.rawValue)"]
      + (loader.map { ["\(KernelParameter.loader)=\($0.rawValue)"] } ?? [])
  }

  /// The entry for systemd-boot (UAPI.1 Boot Loader Specification, type 1).
  ///
  /// - Parameters:
  ///   - generation: systemd-boot prefers the entry with the highest generation. Its sort keys are in ascending order.
  ///   - isSpare: True for the second copy of an entry, which sorts after the first one.
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

  /// Quotes a word for GRUB's command language if it contains special characters, as in `memmap=1M$2G`.
  private static func grubWord(_ text: String) -> String {
    let plain = text.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
      default: "+,-./:=@_%".utf8.contains(byte)
      }
    }
    // Between single quotes, only the single quote is special (GRUB manual, "Quoting").
    return plain ? text : "'\(text.replacing("'", with: "'\\''"))'"
  }

  private static func sortKey(generation: Int) -> String {
    let rank = String(highestGeneration - min(generation, highestGeneration))
    return "cultivar-" + String(repeating: "0", count: 8 - rank.count) + rank
  }

  private static let highestGeneration = 99_999_999

  /// Parses a systemd-boot entry that ``bootLoaderSpecification(generation:isSpare:)`` wrote; `nil` for any other text.
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

  /// The GRUB commands that start the slot; `$root` is the boot partition. If a command fails, GRUB continues with the
  /// script that sourced them.
  ///
  /// The kernel command line contains the unique ID of the boot partition, so that stage 1 finds the disk that was
  /// booted: under BIOS there is no other way to pass it. It also marks a trial.
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

  /// The first line of ``grubCommands``.
  static let grubBegin = "probe --set=boot_partition --part-uuid $root"
  /// The last line of ``grubCommands``.
  static let grubEnd = "fi\n"
}
