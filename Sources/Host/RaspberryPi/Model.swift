/// A model of the Raspberry Pi with a 64-bit processor, as its firmware distinguishes them.
public enum Model: String, Sendable, CaseIterable, Codable {
  case pi3 = "3"
  case pi3Plus = "3+"
  case computeModule3 = "cm3"
  case zero2W = "zero-2w"
  case pi4 = "4"
  case pi400 = "400"
  case computeModule4 = "cm4"
  case pi5 = "5"
  case pi500 = "500"
  case computeModule5 = "cm5"

  /// The generation of the chip. It decides about firmware and device trees.
  public enum Chip: Sendable, Comparable {
    case bcm2837, bcm2711, bcm2712
  }

  public var chip: Chip {
    switch self {
    case .pi3, .pi3Plus, .computeModule3, .zero2W: .bcm2837
    case .pi4, .pi400, .computeModule4: .bcm2711
    case .pi5, .pi500, .computeModule5: .bcm2712
    }
  }

  /// The names in filters of `config.txt` that are true on this model (Raspberry Pi documentation, "Model filters").
  public var filters: Set<String> {
    switch self {
    case .pi3, .computeModule3: ["pi3"]
    case .pi3Plus: ["pi3", "pi3+"]
    case .zero2W: ["pi0", "pi0w", "pi02"]
    case .pi4: ["pi4"]
    case .pi400: ["pi4", "pi400"]
    case .computeModule4: ["pi4", "cm4"]
    case .pi5: ["pi5"]
    case .pi500: ["pi5", "pi500"]
    case .computeModule5: ["pi5", "cm5"]
    }
  }

  /// The type in the model's revision code, for filters like `[board-type=0x11]`.
  public var boardType: Int {
    switch self {
    case .pi3: 0x08
    case .pi3Plus: 0x0d
    case .computeModule3: 0x0a
    case .zero2W: 0x12
    case .pi4: 0x11
    case .pi400: 0x13
    case .computeModule4: 0x14
    case .pi5: 0x17
    case .pi500: 0x19
    case .computeModule5: 0x18
    }
  }

  /// Names of the device trees of Raspberry Pi's kernel, the preferred one first.
  public var deviceTrees: [String] {
    switch self {
    case .pi3: ["bcm2710-rpi-3-b.dtb"]
    case .pi3Plus: ["bcm2710-rpi-3-b-plus.dtb"]
    case .computeModule3: ["bcm2710-rpi-cm3.dtb"]
    case .zero2W: ["bcm2710-rpi-zero-2-w.dtb", "bcm2710-rpi-zero-2.dtb"]
    case .pi4: ["bcm2711-rpi-4-b.dtb"]
    case .pi400: ["bcm2711-rpi-400.dtb"]
    case .computeModule4: ["bcm2711-rpi-cm4.dtb"]
    case .pi5: ["bcm2712-rpi-5-b.dtb"]
    case .pi500: ["bcm2712-rpi-500.dtb"]
    case .computeModule5: ["bcm2712-rpi-cm5-cm5io.dtb"]
    }
  }

  /// Names of the device trees of the mainline kernel, for `upstream_kernel=1`.
  public var upstreamDeviceTrees: [String] {
    switch self {
    case .pi3: ["bcm2837-rpi-3-b.dtb"]
    case .pi3Plus: ["bcm2837-rpi-3-b-plus.dtb"]
    case .computeModule3: ["bcm2837-rpi-cm3-io3.dtb"]
    case .zero2W: ["bcm2837-rpi-zero-2-w.dtb"]
    case .pi4: ["bcm2711-rpi-4-b.dtb"]
    case .pi400: ["bcm2711-rpi-400.dtb"]
    case .computeModule4: ["bcm2711-rpi-cm4-io.dtb"]
    case .pi5: ["bcm2712-rpi-5-b.dtb"]
    case .pi500: ["bcm2712-rpi-500.dtb"]
    case .computeModule5: ["bcm2712-rpi-cm5-cm5io.dtb"]
    }
  }

  /// The file by which the boot loader recognises a partition that it can start.
  public var bootableMark: String {
    switch chip {
    case .bcm2837: "start.elf"
    case .bcm2711: "start4.elf"
    case .bcm2712: "config.txt"
    }
  }

  /// Names of the kernel without a `kernel` line, in 64-bit mode, the preferred one first.
  var kernels: [String] { chip == .bcm2712 ? ["kernel_2712.img", "kernel8.img"] : ["kernel8.img"] }

  /// True if the firmware starts kernels in 64-bit mode unless `config.txt` says otherwise.
  var prefers64Bit: Bool { chip > .bcm2837 }

  /// The machine of QEMU that can start what the firmware would start.
  public var machine: EmulatedMachine { chip == .bcm2837 ? .raspi3b : .virt }
}

/// A machine of QEMU.
public enum EmulatedMachine: String, Sendable {
  /// A Raspberry Pi 3 with its SD card and watchdog. It needs the device tree that the firmware chose.
  case raspi3b
  /// QEMU's own machine, with its own device tree. QEMU has no usable Raspberry Pi 4 and none of a 5: kernel, initial
  /// RAM file system and command line are those of the disk, the hardware is not.
  case virt
}
