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

  private var options: [String] { arguments + ["\(KernelParameter.slot)=\(slot.rawValue)"] }

  /// The entry for systemd-boot (UAPI.1 Boot Loader Specification, type 1).
  public var bootLoaderSpecification: String {
    """
    title \(title)
    version \(version)
    sort-key cultivar
    linux /\(BootPartition.kernel(slot))
    initrd /\(BootPartition.initialRAM(slot))
    options \(options.joined(separator: " "))

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

  /// The commands by which GRUB starts the slot; `root` is the boot partition.
  ///
  /// The partition's unique id goes onto the command line, so that stage 1 finds the disk that was booted from: the
  /// BIOS has no other way to tell.
  public var grubCommands: String {
    """
    probe --set=boot_partition --part-uuid $root
    linux /\(BootPartition.kernel(slot)) \(options.map(Self.grubWord).joined(separator: " ")) \(KernelParameter.bootPartition)=$boot_partition
    initrd /\(BootPartition.initialRAM(slot))
    boot

    """
  }
}

/// Where things stand on the boot partition.
public enum BootPartition {
  /// Folder of a slot.
  public static func folder(_ slot: Slot) -> String { "slots/\(slot.rawValue)" }
  /// Kernel of a slot.
  public static func kernel(_ slot: Slot) -> String { "\(folder(slot))/linux" }
  /// Initial RAM file system of a slot.
  public static func initialRAM(_ slot: Slot) -> String { "\(folder(slot))/initrd" }
  /// GRUB's commands for a slot.
  public static func grubCommands(_ slot: Slot) -> String { "\(folder(slot))/grub.cfg" }
  /// Entry of a slot for systemd-boot.
  public static func entry(_ slot: Slot) -> String { "loader/entries/cultivar-\(slot.rawValue).conf" }
  /// Configuration of systemd-boot.
  public static let loaderConfiguration = "loader/loader.conf"
  /// Folder of GRUB.
  public static let grub = "grub"
  /// First commands of GRUB, which choose a slot.
  public static let grubConfiguration = "grub/grub.cfg"

  /// systemd-boot's own file for an architecture, by Debian's name of it.
  public static func systemdBoot(_ architecture: String) -> String {
    architecture == "arm64" ? "systemd-bootaa64.efi" : "systemd-bootx64.efi"
  }

  /// Where UEFI looks for a boot loader on a disk that it was told nothing about, by Debian's architecture name.
  public static func removableLoader(_ architecture: String) -> String? {
    switch architecture {
    case "amd64": "EFI/BOOT/BOOTX64.EFI"
    case "arm64": "EFI/BOOT/BOOTAA64.EFI"
    default: nil
    }
  }
}
