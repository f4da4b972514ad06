import HostSystem
import PartitionTable
import Project
import RaspberryPi

/// The hardware that images are made for: its kernel, the drivers for its disks, its console.
public struct DeviceClass: Sendable {
  /// Name, as in a project file.
  public var name: String
  public var architecture: Architecture
  /// Debian's kernel package.
  public var kernelPackage: String
  /// Parts of the kernel command line that the hardware needs; the last console becomes `/dev/console`.
  public var kernelArguments: [String]
  /// Modules for the initial RAM file system: drivers that may be needed to reach the root file system.
  public var bootModules: [String]
  /// Additional modules for the root file system: network, input, watchdog.
  public var modules: [String]
  /// Kind of the partition table that the firmware asks for.
  public var scheme = PartitionScheme.gpt
  /// The facts for Raspberry Pi's firmware; `nil` for other hardware.
  public var board: RaspberryPiBoard?

  /// PCs and virtual machines, by UEFI or BIOS.
  public static let genericX86 = DeviceClass(
    name: BuiltInDeviceClass.genericX86.rawValue, architecture: .amd64, kernelPackage: "linux-image-amd64",
    kernelArguments: ["console=tty0", "console=ttyS0,115200"],
    bootModules: [
      // Disks.
      "ahci", "ata_piix", "ata_generic", "nvme", "sd_mod", "sr_mod", "virtio_blk", "virtio_pci", "virtio_scsi",
      "mptspi", "mmc_block", "sdhci_acpi", "sdhci_pci", "vmw_pvscsi", "hv_storvsc", "megaraid_sas", "mpt3sas",
      // Disks on USB.
      "ehci_pci", "ohci_pci", "uas", "uhci_hcd", "usb_storage", "xhci_pci",
      // Watchdogs, which end a trial that hangs.
      "i6300esb", "iTCO_wdt", "sp5100_tco", "wdat_wdt",
      // File systems, and the EFI variables that name the boot disk.
      "efivarfs", "ext4", "nls_ascii", "nls_cp437", "vfat",
    ],
    modules: [
      "8139cp", "alx", "atlantic", "bnx2", "e100", "e1000", "e1000e", "hv_netvsc", "igb", "igc", "ixgbe", "r8169",
      "tg3", "virtio_net", "vmxnet3", "cdc_ether", "r8152", "asix",
      "evdev", "hid_generic", "usbhid", "button", "virtio_console", "virtio_rng", "virtio_balloon",
      "fan", "thermal", "rtc_cmos", "hv_utils",
    ])

  /// 64-bit ARM machines and virtual machines, by UEFI or U-Boot.
  public static let genericARM = DeviceClass(
    name: BuiltInDeviceClass.genericARM.rawValue, architecture: .arm64, kernelPackage: "linux-image-arm64",
    kernelArguments: ["console=tty0", "console=ttyAMA0"],
    bootModules: [
      // Disks.
      "ahci", "ahci_platform", "nvme", "sd_mod", "sr_mod", "virtio_blk", "virtio_mmio", "virtio_pci", "virtio_scsi",
      "mmc_block",
      "sdhci_acpi", "sdhci_pci", "vmw_pvscsi", "hv_storvsc",
      // Disks on USB.
      "ehci_pci", "ehci_platform", "ohci_pci", "uas", "usb_storage", "xhci_pci", "xhci_plat_hcd",
      // Watchdogs, which end a trial that hangs.
      "i6300esb", "sbsa_gwdt",
      // File systems, and the EFI variables that name the boot disk.
      "efivarfs", "ext4", "nls_ascii", "nls_cp437", "vfat",
    ],
    modules: [
      "e1000", "e1000e", "hv_netvsc", "igb", "igc", "ixgbe", "r8169", "virtio_net", "vmxnet3", "cdc_ether", "r8152",
      "asix",
      "evdev", "hid_generic", "usbhid", "button", "gpio_keys", "virtio_console", "virtio_rng", "virtio_balloon",
      "rtc_efi", "rtc_pl031", "hv_utils",
    ])
}

extension DeviceClass {
  /// Partition type of the root file systems.
  var rootType: PartitionType {
    switch architecture {
    case .amd64: .linuxRootX86_64
    case .arm64: .linuxRootARM64
    }
  }

  public init(_ kind: BuiltInDeviceClass) {
    switch kind {
    case .genericX86: self = .genericX86
    case .genericARM: self = .genericARM
    case .raspberryPi3: self = .raspberryPi(kind, .only([.pi3, .pi3Plus], uBoot: "rpi_3"))
    case .raspberryPi4: self = .raspberryPi(kind, .only([.pi4, .pi400], uBoot: "rpi_4"))
    case .raspberryPi5: self = .raspberryPi(kind, .only([.pi5, .pi500], uBoot: "rpi_arm64"))
    case .raspberryPiZero2W: self = .raspberryPi(kind, .only([.zero2W], uBoot: "rpi_3"))
    case .raspberryPiCM4: self = .raspberryPi(kind, .only([.computeModule4], uBoot: "rpi_4"))
    case .raspberryPiCM5: self = .raspberryPi(kind, .only([.computeModule5], uBoot: "rpi_arm64"))
    case .raspberryPi: self = .raspberryPi(kind, .only(Model.allCases, uBoot: "rpi_arm64"))
    }
  }
}
