import DeviceModel

/// Paths on the boot partition.
public enum BootPartition {
  /// Folder of a slot.
  public static func folder(_ slot: Slot) -> String { "slots/\(slot.rawValue)" }
  /// Kernel of a slot.
  public static func kernel(_ slot: Slot) -> String { "\(folder(slot))/linux" }
  /// Initial RAM file system of a slot.
  public static func initialRAM(_ slot: Slot) -> String { "\(folder(slot))/initrd" }
  /// Kernel command line of a slot, as its bundle contains it.
  public static func commandLine(_ slot: Slot) -> String { "\(folder(slot))/command-line" }
  /// The device trees of a slot, for U-Boot.
  public static func deviceTrees(_ slot: Slot) -> String { "\(folder(slot))/device-trees" }
  /// The UEFI boot loader of a slot's release.
  public static func uefiLoader(_ slot: Slot) -> String { "\(folder(slot))/loader.efi" }
  /// The BIOS boot loader of a slot's release: `boot.img`, then GRUB's core image.
  public static func biosLoader(_ slot: Slot) -> String { "\(folder(slot))/loader.bin" }
  /// GRUB's commands for a slot, in two copies.
  public static func grubCommands(_ slot: Slot) -> [String] {
    ["grub.cfg", "grub-2.cfg"].map { "\(folder(slot))/\($0)" }
  }
  /// U-Boot's environment for a slot, in two copies. It holds the kernel command line.
  public static func uBootEnvironments(_ slot: Slot) -> [String] {
    ["u-boot.env", "u-boot-2.env"].map { "\(folder(slot))/\($0)" }
  }
  /// Folder of systemd-boot's entries.
  public static let entries = "loader/entries"
  /// Configuration of systemd-boot.
  public static let loaderConfiguration = "loader/loader.conf"
  /// Folder of GRUB.
  public static let grub = "grub"
  /// Folder of U-Boot.
  public static let uBoot = "u-boot"
  /// The script that U-Boot looks for on each disk. Cultivar's script chooses a slot.
  public static let uBootScript = "boot.scr"
  /// GRUB's first commands, which choose a slot.
  public static let grubConfiguration = "grub/grub.cfg"

  /// File name of systemd-boot for an architecture, by Debian's architecture name.
  public static func systemdBoot(_ architecture: String) -> String {
    architecture == "arm64" ? "systemd-bootaa64.efi" : "systemd-bootx64.efi"
  }

  /// UEFI's default path of the boot loader on removable media, by Debian's architecture name.
  public static func removableLoader(_ architecture: String) -> String? {
    switch architecture {
    case "amd64": "EFI/BOOT/BOOTX64.EFI"
    case "arm64": "EFI/BOOT/BOOTAA64.EFI"
    default: nil
    }
  }
}
