import DiskImage
import PartitionTable
import Project

// The facts are from Raspberry Pi's documentation of config.txt and the boot folder, and from the device trees of Linux.

extension DeviceClass {
  /// Raspberry Pi 3.
  public static let raspberryPi3 = DeviceClass(
    name: BuiltInDeviceClass.raspberryPi3.rawValue, architecture: .arm64, kernelPackage: "linux-image-arm64",
    // ttyS1 is the mini UART, which is on the pins. Bluetooth has the other one.
    kernelArguments: ["console=tty0", "console=ttyS1,115200"],
    bootModules: RaspberryPiModules.boot, modules: RaspberryPiModules.network + RaspberryPiModules.others,
    scheme: .mbr, firmware: .raspberryPi3,
    deviceTrees: ["bcm2837-rpi-3-a-plus.dtb", "bcm2837-rpi-3-b.dtb", "bcm2837-rpi-3-b-plus.dtb"],
    deviceTreeFolder: "broadcom")
}

/// Kernel modules of Raspberry Pis. A kernel that has them built in, or lacks some, works as well.
enum RaspberryPiModules {
  /// Drivers on the way to the root file system.
  static let boot = [
    // SD card and eMMC.
    "bcm2835", "mmc_block", "sdhci_iproc",
    // Disks on USB.
    "dwc2", "sd_mod", "uas", "usb_storage", "xhci_pci",
    // The watchdog, which also restarts the board.
    "bcm2835_wdt",
    // Virtual machines.
    "virtio_blk", "virtio_mmio", "virtio_pci",
    // File systems.
    "ext4", "nls_ascii", "nls_cp437", "vfat",
  ]
  /// Ethernet on the board and on USB, and Wi-Fi.
  static let network = [
    "asix", "brcmfmac", "cdc_ether", "lan78xx", "r8152", "smsc95xx", "virtio_net",
  ]
  /// Input, random numbers, clock rates, temperature, buses.
  static let others = [
    "bcm2835_rng", "bcm2835_thermal", "evdev", "gpio_keys", "hid_generic", "i2c_bcm2835", "raspberrypi_cpufreq",
    "raspberrypi_hwmon", "spi_bcm2835", "usbhid", "virtio_balloon", "virtio_console", "virtio_rng",
  ]
}

extension BoardFirmware {
  /// The firmware of the Raspberry Pi 3, which starts Debian's U-Boot.
  static let raspberryPi3 = BoardFirmware(
    packages: ["raspi-firmware", "u-boot-rpi"],
    files: ["bootcode.bin", "start.elf", "fixup.dat"].map { File("usr/lib/raspi-firmware/\($0)", as: $0) }
      + [File("usr/lib/u-boot/rpi_3/u-boot.bin", as: "u-boot.bin")],
    // The device trees have the names of the mainline kernel.
    configuration: """
      # Written by Cultivar.
      arm_64bit=1
      enable_uart=1
      upstream_kernel=1
      kernel=u-boot.bin

      """)
}
