import DeviceModel
import DiskImage
import PartitionTable
import Project
import RaspberryPi

/// The facts about the Raspberry Pis of a device class, from Raspberry Pi's documentation of `config.txt` and of the boot
/// folder, and from the device trees of Linux.
public struct RaspberryPiBoard: Sendable, Equatable {
  /// The models that an image can start on.
  public var models: [Model]
  /// The build of Debian's U-Boot that can start on all of them.
  public var uBoot: String

  static func only(_ models: [Model], uBoot: String) -> RaspberryPiBoard {
    RaspberryPiBoard(models: models, uBoot: uBoot)
  }

  /// The manufacturer's folder among the device trees of a kernel.
  static let deviceTreeFolder = "broadcom"

  private var chips: Set<Model.Chip> { Set(models.map(\.chip)) }

  /// Device trees of the mainline kernel, which U-Boot's own drivers need as well.
  var upstreamDeviceTrees: [String] { Self.unique(models.flatMap(\.upstreamDeviceTrees)) }
  /// Device trees of Raspberry Pi's kernel.
  var deviceTrees: [String] { Self.unique(models.flatMap(\.deviceTrees)) }

  private static func unique(_ names: [String]) -> [String] { Set(names).sorted() }

  /// The consoles on the kernel command line. The last one becomes `/dev/console`.
  ///
  /// Mainline names: `ttyS1` is the mini UART on the pins, `ttyAMA10` the connector of a Pi 5. Under `tryboot`, the
  /// firmware replaces `serial0` by the name in Raspberry Pi's kernel.
  func consoles(_ loader: BootLoader) -> [String] {
    if loader == .tryboot { return ["console=tty1", "console=serial0,115200"] }
    let upstream = (chips == [.bcm2712] ? [] : ["ttyS1"]) + (chips.contains(.bcm2712) ? ["ttyAMA10"] : [])
    return ["console=tty0"] + upstream.reversed().map { "console=\($0),115200" }
  }

  /// Names of the files that start the models, in the folder of Debian's package.
  private var startFiles: [String] {
    (chips.contains(.bcm2837) ? ["bootcode.bin", "start.elf", "fixup.dat"] : [])
      + (chips.contains(.bcm2711) ? ["start4.elf", "fixup4.dat"] : [])
  }

  /// Debian's packages with the firmware, and with U-Boot if it is the boot loader.
  func packages(_ loader: BootLoader) -> [String] {
    (startFiles.isEmpty ? [] : ["raspi-firmware"]) + (loader == .uBoot ? ["u-boot-rpi"] : [])
  }

  /// The files of the firmware for a boot loader, and its settings.
  ///
  /// - Parameter lines: Lines of `config.txt` from layers and the project, with their origin.
  /// - Throws: ``ImageFailure/firmwareSettings(_:)``.
  func firmware(_ loader: BootLoader, lines: [ConfigPart]) throws(ImageFailure) -> BoardFirmware {
    let name = "u-boot.bin"
    let own =
      loader == .uBoot
      // `upstream_kernel` makes the firmware look for the device trees of the mainline kernel.
      ? ["upstream_kernel=1", "kernel=\(name)"]
      : ["kernel=\(BoardFirmware.kernel)", "initramfs \(BoardFirmware.initialRAM) followkernel"]
    let composition = ConfigComposition(
      [ConfigPart(origin: "the device class", lines: ["arm_64bit=1", "enable_uart=1"] + own)] + lines)
    guard composition.problems.isEmpty else { throw .firmwareSettings(composition.problems.map(\.description)) }
    return BoardFirmware(
      packages: packages(loader),
      files: startFiles.map { .init("usr/lib/raspi-firmware/\($0)", as: $0) }
        + (loader == .uBoot ? [.init("usr/lib/u-boot/\(uBoot)/u-boot.bin", as: name)] : []),
      configuration: composition.text)
  }

  /// Refuses images that cannot start, as far as the project file shows it.
  func refusals(_ loader: BootLoader, kernel: BootRefusal.Vendor) -> [BootRefusal] {
    loader == .tryboot ? BootRefusal.tryboot(models: models, kernel: kernel) : []
  }
}

extension DeviceClass {
  static func raspberryPi(_ kind: BuiltInDeviceClass, _ board: RaspberryPiBoard) -> DeviceClass {
    DeviceClass(
      name: kind.rawValue, architecture: .arm64, kernelPackage: "linux-image-arm64", kernelArguments: [],
      bootModules: RaspberryPiModules.boot, modules: RaspberryPiModules.network + RaspberryPiModules.others,
      scheme: .mbr, board: board)
  }

  /// The parts of the kernel command line that the hardware needs under a boot loader.
  func kernelArguments(_ loader: BootLoader) -> [String] { kernelArguments + (board?.consoles(loader) ?? []) }

  /// The firmware on the boot partition of an image; `nil` for hardware with firmware of its own.
  ///
  /// - Throws: ``ImageFailure/firmwareSettings(_:)``.
  func firmware(of image: ImageDefinition, _ system: SystemDefinition?) throws(ImageFailure) -> BoardFirmware? {
    let lines = (system?.layers ?? []).filter { !$0.bootConfiguration.isEmpty }.map {
      ConfigPart(origin: "layer \($0.name)", lines: $0.bootConfiguration)
    }
    return try board?.firmware(image.loader, lines: lines)
  }
}

extension KernelDefinition {
  /// The origin of the kernel, as far as its package's name shows it: Raspberry Pi's are `linux-image-rpi-v8` and
  /// `linux-image-rpi-2712`. A kernel of the project's own is taken for one of Raspberry Pi.
  var vendor: BootRefusal.Vendor {
    switch source {
    case .path: .raspberryPi
    case .debian(let package, _): package?.contains("-rpi-") == true ? .raspberryPi : .debian
    }
  }
}

/// Kernel modules of Raspberry Pis. A kernel that has them built in, or lacks some, works as well.
enum RaspberryPiModules {
  /// Drivers on the way to the root file system.
  static let boot = [
    // SD card and eMMC.
    "bcm2835", "mmc_block", "sdhci_brcmstb", "sdhci_iproc",
    // NVMe, and the chip with USB and Ethernet of a Pi 5.
    "nvme", "pcie_brcmstb", "rp1", "clk_rp1", "pinctrl_rp1",
    // Disks on USB.
    "dwc2", "dwc3", "sd_mod", "uas", "usb_storage", "xhci_pci", "xhci_plat_hcd",
    // The watchdog, which also restarts the board.
    "bcm2835_wdt",
    // Virtual machines.
    "i6300esb", "virtio_blk", "virtio_mmio", "virtio_pci",
    // File systems.
    "ext4", "nls_ascii", "nls_cp437", "vfat",
  ]
  /// Ethernet on the board and on USB, and Wi-Fi.
  static let network = [
    "asix", "bcmgenet", "brcmfmac", "broadcom", "cdc_ether", "lan78xx", "macb", "microchip", "r8152", "smsc95xx",
    "virtio_net",
  ]
  /// Input, random numbers, clock rates, temperature, buses.
  static let others = [
    "bcm2711_thermal", "bcm2835_rng", "bcm2835_thermal", "evdev", "gpio_keys", "hid_generic", "i2c_bcm2835",
    "iproc_rng200", "raspberrypi_cpufreq", "raspberrypi_hwmon", "spi_bcm2835", "usbhid", "virtio_balloon",
    "virtio_console", "virtio_rng",
  ]
}
