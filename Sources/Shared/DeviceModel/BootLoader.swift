/// A boot loader that chooses a slot.
public enum BootLoader: String, Codable, Sendable, CaseIterable {
  /// systemd-boot, under UEFI.
  case systemdBoot = "systemd-boot"
  /// GRUB, under BIOS or UEFI.
  case grub
  /// U-Boot, which is part of the firmware of a board.
  case uBoot = "u-boot"
  /// The firmware of a Raspberry Pi, with `autoboot.txt` and its one-shot flag.
  case tryboot

  /// The name for display.
  public var title: String {
    switch self {
    case .systemdBoot: "systemd-boot"
    case .grub: "GRUB"
    case .uBoot: "U-Boot"
    case .tryboot: "Raspberry Pi firmware"
    }
  }
}
