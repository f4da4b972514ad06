import DeviceModel

/// A built-in device class. The build defines its details.
public enum BuiltInDeviceClass: String, Sendable, CaseIterable {
  /// A computer with an x86-64 processor that boots by UEFI or BIOS.
  case genericX86 = "generic-x86_64"
  /// A computer with a 64-bit ARM processor that boots by UEFI or U-Boot.
  case genericARM = "generic-arm64"
  /// Raspberry Pi 3.
  case raspberryPi3 = "raspberry-pi-3"
  /// Raspberry Pi 4 and 400.
  case raspberryPi4 = "raspberry-pi-4"
  /// Raspberry Pi 5 and 500.
  case raspberryPi5 = "raspberry-pi-5"
  /// Raspberry Pi Zero 2 W.
  case raspberryPiZero2W = "raspberry-pi-zero-2w"
  /// Raspberry Pi Compute Module 4.
  case raspberryPiCM4 = "raspberry-pi-cm4"
  /// Raspberry Pi Compute Module 5.
  case raspberryPiCM5 = "raspberry-pi-cm5"
  /// One image for all of these Raspberry Pis.
  case raspberryPi = "raspberry-pi"

  /// The boot loader of an image that names none.
  public var usualLoader: BootLoader { isRaspberryPi ? .uBoot : .systemdBoot }

  /// True for Raspberry Pis, whose firmware reads the boot partition.
  public var isRaspberryPi: Bool { rawValue.hasPrefix("raspberry-pi") }

  /// The boot loaders that images of the device class can have. The build refuses `tryboot` for models and kernels that
  /// cannot.
  public var loaders: [BootLoader] {
    switch self {
    case .genericX86: [.systemdBoot, .grub]
    case .genericARM: [.systemdBoot, .grub, .uBoot]
    default: [.uBoot, .tryboot]
    }
  }
}

/// A built-in layout, with the minimum sizes of its partitions.
public enum BuiltInLayout: String, Sendable, CaseIterable {
  /// An appliance with two slots, a boot partition and a data partition.
  case applianceAB = "appliance-ab"
  /// A system with two slots, a boot partition and a data partition.
  case systemAB = "system-ab"
  /// A system with one slot, which is as large as its content requires. It takes no updates of the whole image.
  case systemSingle = "system-single"

  /// Minimum size of the boot partition, in bytes: for two kernels with their initial RAM file systems, and for FAT32.
  public var minimumBootSize: Int64 { 64 << 20 }
  /// Minimum size of a slot, in bytes: for the device executable, certificates, time zones and a small program.
  public var minimumSlotSize: Int64 { 16 << 20 }
  /// Minimum size of the data partition, in bytes: for ext4 with a journal, and for the records.
  public var minimumDataSize: Int64 { 8 << 20 }
}
