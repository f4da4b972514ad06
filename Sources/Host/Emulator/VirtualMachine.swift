import FoundationEssentials
import HostSystem
import RaspberryPi

/// A machine in QEMU, described by QEMU's arguments.
public struct VirtualMachine: Sendable {
  /// The firmware of a machine.
  public enum Firmware: String, Sendable, CaseIterable {
    /// UEFI with OVMF.
    case uefi
    /// BIOS with SeaBIOS.
    case bios
    case uBoot = "u-boot"
    /// The firmware of a Raspberry Pi, which starts the files that it finds on the disk.
    case raspberryPi = "raspberry-pi"
  }

  /// The way in which the processor's instructions are run.
  public enum Accelerator: String, Sendable, CaseIterable {
    /// Emulation, which works on every host.
    case tcg
    /// The host's own processor.
    case kvm
  }

  /// A TCP port on the build host's loopback address that is forwarded to the machine.
  public struct Forward: Sendable, Hashable {
    /// Port on the build host.
    public var host: Int
    /// Port in the machine.
    public var guest: Int

    public init(host: Int, guest: Int) {
      self.host = host
      self.guest = guest
    }
  }

  /// Architecture of the processors.
  public var architecture: Architecture
  /// Disk images, which the machine writes to. It boots from the first one.
  public var disks: [URL]
  public var firmware: Firmware
  /// The model for ``Firmware/raspberryPi``. QEMU has a Raspberry Pi 3; others run on its own machine.
  public var model = Model.pi3
  /// Size of the memory in MiB. A Raspberry Pi 3 has 1024.
  public var memory: Int
  /// Number of processors. A Raspberry Pi 3 has 4.
  public var processors: Int
  public var accelerator: Accelerator
  /// Ports that are forwarded to the machine.
  public var forwards: [Forward]
  /// True if a window shows the machine's screen.
  public var hasWindow: Bool
  /// File that records every write to the first disk, in order and with its data (the format of dm-log-writes); `nil`
  /// for none.
  public var writeLog: URL?
  /// True if the record continues that of an earlier process.
  var continuesWriteLog = false
  /// A sector of the first disk at which writes fail; `nil` for none.
  public var badSector: Int64?
  public var extraArguments: [String]

  /// Describes a machine with one disk, no window, an emulated processor and two cores.
  public init(
    disk: URL, firmware: Firmware, architecture: Architecture = .amd64, memory: Int = 512, forwards: [Forward] = []
  ) {
    self.architecture = architecture
    disks = [disk]
    self.firmware = firmware
    self.memory = memory
    processors = 2
    accelerator = .tcg
    self.forwards = forwards
    hasWindow = false
    extraArguments = []
  }

  /// QEMU's program for the architecture.
  public var program: HostProgram {
    switch architecture {
    case .amd64: .qemuX86
    case .arm64: .qemuARM
    }
  }

  /// Returns the paths of UEFI firmware and its variables in different distributions.
  private static func firmwareFiles(_ architecture: Architecture) -> [(code: String, variables: String)] {
    switch architecture {
    case .amd64:
      [
        ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
        ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
        ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
      ]
    case .arm64:
      [
        ("/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"),
        ("/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw", "/usr/share/edk2/aarch64/vars-template-pflash.raw"),
      ]
    }
  }

  /// QEMU's arguments for the machine type and its processor.
  private var machine: [String] {
    switch (architecture, accelerator) {
    // x86-64-v2, which browsers need. No later level, as older versions of QEMU emulate AVX incorrectly, and a browser
    // then shows no page.
    case (.amd64, .tcg): ["-machine", "q35,accel=tcg", "-cpu", "Nehalem"]
    case (.amd64, .kvm): ["-machine", "q35,accel=kvm", "-cpu", "host"]
    case (.arm64, .tcg): ["-machine", "virt,accel=tcg", "-cpu", "cortex-a72"]
    case (.arm64, .kvm): ["-machine", "virt,accel=kvm,gic-version=max", "-cpu", "host"]
    }
  }

  /// Returns the size of a disk of at least `size` bytes that the machine accepts. QEMU's SD cards have a power of two.
  public func diskSize(_ size: Int64) -> Int64 {
    guard firmware == .raspberryPi, model.machine == .raspi3b, size > 0, size.nonzeroBitCount > 1 else { return size }
    return 1 << (Int64.bitWidth - size.leadingZeroBitCount)
  }

  /// Returns QEMU's arguments, without those for the console and the monitor.
  ///
  /// - Parameter folder: Folder for the machine's own files: the UEFI variables.
  /// - Throws: ``EmulatorFailure``, `FileFailure`.
  func arguments(in folder: URL) throws -> [String] {
    guard firmware.isFor(architecture) else { throw EmulatorFailure.noSuchMachine(firmware, architecture) }
    if firmware == .raspberryPi, model.machine == .raspi3b { return raspberryPiArguments() }
    var arguments = machine
    arguments += [
      "-m", "\(memory)", "-smp", "\(processors)", "-no-user-config",
      "-nodefaults", "-device", "i6300esb", "-action", "watchdog=reset", "-device", "virtio-rng-pci",
      "-display", hasWindow ? "gtk" : "none",
    ]
    if hasWindow {
      arguments += ["-device", architecture == .amd64 ? "virtio-vga" : "virtio-gpu-pci"]
      arguments += ["-device", "usb-ehci", "-device", "usb-kbd"]
    }
    switch firmware {
    case .uefi: arguments += try uefiArguments(in: folder)
    case .bios: break
    case .uBoot: arguments += ["-bios", try Self.uBoot(architecture)]
    case .raspberryPi: break
    }
    for (index, disk) in disks.enumerated() {
      arguments += drive(index, disk)
      // Merged requests could be longer than the driver that records them supports.
      let merging = index == 0 && writeLog != nil ? ",request-merging=off" : ""
      arguments += ["-device", "virtio-blk-pci,drive=disk\(index),bootindex=\(index + 1)\(merging)"]
    }
    let ports = forwards.map { ",hostfwd=tcp:127.0.0.1:\($0.host)-:\($0.guest)" }.joined()
    // An empty ROM file disables network boot, which would only delay the start.
    arguments += ["-netdev", "user,id=net0\(ports)", "-device", "virtio-net-pci,netdev=net0,romfile="]
    return arguments + extraArguments
  }

  /// Returns the arguments for a Raspberry Pi 3. Its first disk is the SD card, whose size has to be a power of two. Others
  /// are on USB, as is the network. The console is the second serial port, the mini UART.
  private func raspberryPiArguments() -> [String] {
    guard let card = disks.first else { return [] }
    var arguments = [
      "-machine", "raspi3b", "-no-user-config", "-nodefaults", "-display", hasWindow ? "gtk" : "none",
      "-serial", "null",
    ]
    let file = Self.escaped(card.path)
    if let writeLog {
      arguments += [
        "-drive",
        "if=sd,driver=blklogwrites,log-sector-size=512,file.driver=raw,file.file.driver=file,file.file.filename=\(file),"
          + "log.driver=file,log.filename=\(Self.escaped(writeLog.path))",
      ]
    } else {
      arguments += ["-drive", "if=sd,format=raw,file=\(file)"]
    }
    for (index, disk) in disks.enumerated().dropFirst() {
      arguments += drive(index, disk) + ["-device", "usb-storage,drive=disk\(index)"]
    }
    let ports = forwards.map { ",hostfwd=tcp:127.0.0.1:\($0.host)-:\($0.guest)" }.joined()
    // Linux names a USB adapter like one on the board (`eth0`) if its address is not locally administered.
    let adapter = "usb-net,netdev=net0,mac=b8:27:eb:00:00:01"
    return arguments + ["-netdev", "user,id=net0\(ports)", "-device", adapter] + extraArguments
  }

  /// Returns the arguments for the drive `diskINDEX`. The first disk can record its writes or have a bad sector.
  private func drive(_ index: Int, _ disk: URL) -> [String] {
    let file = Self.escaped(disk.path)
    let layer: String
    var log: [String] = []
    switch (index, writeLog, badSector) {
    case (0, let writeLog?, _):
      log = ["-blockdev", "driver=file,node-name=log0,filename=\(Self.escaped(writeLog.path))"]
      // A log that is continued has its size of sectors.
      let mode = continuesWriteLog ? "log-append=on" : "log-sector-size=512"
      layer = "driver=blklogwrites,\(mode),file=content0,log=log0"
    case (0, nil, let sector?):
      let fault =
        "inject-error.0.event=none,inject-error.0.iotype=write,inject-error.0.sector=\(sector),inject-error.0.errno=5"
      layer = "driver=blkdebug,image=content0,\(fault)"
    default: return ["-drive", "if=none,id=disk\(index),format=raw,discard=unmap,file=\(file)"]
    }
    return ["-blockdev", "driver=raw,node-name=content0,file.driver=file,file.filename=\(file)"] + log
      + ["-blockdev", "\(layer),node-name=disk0"]
  }

  /// Returns the path of U-Boot for QEMU's machine.
  private static func uBoot(_ architecture: Architecture) throws(EmulatorFailure) -> String {
    let file = uBootPath(architecture)
    guard FileManager.default.fileExists(atPath: file) else {
      throw .noFirmware(.uBoot, architecture, places: [file])
    }
    return file
  }

  private static func uBootPath(_ architecture: Architecture) -> String {
    "/usr/lib/u-boot/qemu_\(architecture.rawValue)/u-boot.bin"
  }

  /// Returns the path of a firmware on this host; `nil` if it is missing. SeaBIOS is a part of QEMU and has no path.
  public static func file(of firmware: Firmware, for architecture: Architecture) -> String? {
    switch firmware {
    case .bios, .raspberryPi: nil
    case .uBoot: try? uBoot(architecture)
    case .uefi: try? uefiFiles(architecture).code
    }
  }

  /// Checks that this host can run the machine.
  ///
  /// - Throws: ``EmulatorFailure``.
  public func checkHost() throws(EmulatorFailure) {
    guard firmware.isFor(architecture) else { throw .noSuchMachine(firmware, architecture) }
    guard program.path != nil else { throw .noEmulator(program) }
    switch firmware {
    case .bios, .raspberryPi: break
    case .uBoot: _ = try Self.uBoot(architecture)
    case .uefi: _ = try Self.uefiFiles(architecture)
    }
  }

  private static func uefiFiles(
    _ architecture: Architecture
  ) throws(EmulatorFailure) -> (code: String, variables: String) {
    let isThere = FileManager.default.fileExists(atPath:)
    let all = firmwareFiles(architecture)
    guard let files = all.first(where: { isThere($0.code) && isThere($0.variables) }) else {
      throw .noFirmware(.uefi, architecture, places: all.map(\.code))
    }
    return files
  }

  private func uefiArguments(in folder: URL) throws -> [String] {
    let files = try Self.uefiFiles(architecture)
    let variables = folder.appending(path: "uefi-variables.fd")
    if !FileManager.default.fileExists(atPath: variables.path) {
      try FolderTree.replaceFile(variables.path, with: FolderTree.readFile(files.variables))
    }
    return [
      "-drive", "if=pflash,format=raw,unit=0,readonly=on,file=\(files.code)",
      "-drive", "if=pflash,format=raw,unit=1,file=\(Self.escaped(variables.path))",
    ]
  }

  /// Escapes a path for QEMU's options, in which a comma is doubled.
  static func escaped(_ path: String) -> String { path.replacing(",", with: ",,") }
}

extension VirtualMachine.Firmware {
  /// The name for users.
  public var title: String {
    switch self {
    case .uefi: "UEFI"
    case .bios: "BIOS"
    case .uBoot: "U-Boot"
    case .raspberryPi: "the firmware of a Raspberry Pi"
    }
  }

  /// Returns true if images of an architecture support the firmware.
  public func isFor(_ architecture: Architecture) -> Bool {
    switch self {
    case .uefi: true
    case .bios: architecture.hasBIOS
    case .uBoot: architecture.hasUBoot
    case .raspberryPi: architecture == .arm64
    }
  }
}
