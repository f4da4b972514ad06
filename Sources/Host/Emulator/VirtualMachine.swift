import FoundationEssentials
import HostSystem

/// A machine in QEMU: what it is made of, as QEMU's arguments say it.
public struct VirtualMachine: Sendable {
  /// How the machine starts.
  public enum Firmware: String, Sendable, CaseIterable {
    /// UEFI, by OVMF.
    case uefi
    /// BIOS, by SeaBIOS.
    case bios
    /// U-Boot.
    case uBoot = "u-boot"
  }

  /// How the processor's instructions are run.
  public enum Accelerator: String, Sendable, CaseIterable {
    /// Translated: works everywhere.
    case tcg
    /// By the host's own processor.
    case kvm
  }

  /// A TCP port of the build host's loopback address that leads into the machine.
  public struct Forward: Sendable, Hashable {
    /// Port on the build host.
    public var host: Int
    /// Port in the machine.
    public var guest: Int

    /// Makes a forward.
    public init(host: Int, guest: Int) {
      self.host = host
      self.guest = guest
    }
  }

  /// Architecture of its processors.
  public var architecture: Architecture
  /// Disk images, the first one booted from; they are written to.
  public var disks: [URL]
  /// How it starts.
  public var firmware: Firmware
  /// Mebibytes of memory.
  public var memory: Int
  /// Processors.
  public var processors: Int
  /// How instructions are run.
  public var accelerator: Accelerator
  /// Ports that lead in.
  public var forwards: [Forward]
  /// Whether a window shows the machine's screen.
  public var hasWindow: Bool
  /// Where every write to the first disk is recorded, in order and with its bytes (the format of dm-log-writes); `nil` for nowhere.
  public var writeLog: URL?
  /// A sector of the first disk that cannot be written; `nil` for a disk without fault.
  public var badSector: Int64?
  /// Further arguments for QEMU.
  public var extraArguments: [String]

  /// Makes a machine with one disk; it runs without a window, by translation, on two processors.
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

  /// The program of QEMU.
  public var program: HostProgram {
    switch architecture {
    case .amd64: .qemuX86
    case .arm64: .qemuARM
    }
  }

  /// Firmware with its own variables, as distributions have it.
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

  /// The kind of machine, and what is translated for it.
  private var machine: [String] {
    switch (architecture, accelerator) {
    // x86-64-v2, which browsers expect. Not more: older versions of QEMU translate AVX wrongly, and a browser then shows no page.
    case (.amd64, .tcg): ["-machine", "q35,accel=tcg", "-cpu", "Nehalem"]
    case (.amd64, .kvm): ["-machine", "q35,accel=kvm", "-cpu", "host"]
    case (.arm64, .tcg): ["-machine", "virt,accel=tcg", "-cpu", "cortex-a72"]
    case (.arm64, .kvm): ["-machine", "virt,accel=kvm,gic-version=max", "-cpu", "host"]
    }
  }

  /// QEMU's arguments, without those for consoles and control.
  ///
  /// - Parameter folder: Folder for the machine's own files: the UEFI variables.
  /// - Throws: ``EmulatorFailure``, `FileFailure`.
  func arguments(in folder: URL) throws -> [String] {
    guard firmware.isFor(architecture) else { throw EmulatorFailure.noSuchMachine(firmware, architecture) }
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
    }
    for (index, disk) in disks.enumerated() {
      arguments += drive(index, disk)
      // Several requests as one may be longer than what the recording can pass on.
      let merging = index == 0 && writeLog != nil ? ",request-merging=off" : ""
      arguments += ["-device", "virtio-blk-pci,drive=disk\(index),bootindex=\(index + 1)\(merging)"]
    }
    let ports = forwards.map { ",hostfwd=tcp:127.0.0.1:\($0.host)-:\($0.guest)" }.joined()
    // Booting from the network would only be waited for.
    arguments += ["-netdev", "user,id=net0\(ports)", "-device", "virtio-net-pci,netdev=net0,romfile="]
    return arguments + extraArguments
  }

  /// The drive of a disk, which is called `diskINDEX`: of the first one with what is to be recorded or to go wrong.
  private func drive(_ index: Int, _ disk: URL) -> [String] {
    let file = Self.escaped(disk.path)
    let layer: String
    var log: [String] = []
    switch (index, writeLog, badSector) {
    case (0, let writeLog?, _):
      log = ["-blockdev", "driver=file,node-name=log0,filename=\(Self.escaped(writeLog.path))"]
      layer = "driver=blklogwrites,log-sector-size=512,file=content0,log=log0"
    case (0, nil, let sector?):
      let fault =
        "inject-error.0.event=none,inject-error.0.iotype=write,inject-error.0.sector=\(sector),inject-error.0.errno=5"
      layer = "driver=blkdebug,image=content0,\(fault)"
    default: return ["-drive", "if=none,id=disk\(index),format=raw,discard=unmap,file=\(file)"]
    }
    return ["-blockdev", "driver=raw,node-name=content0,file.driver=file,file.filename=\(file)"] + log
      + ["-blockdev", "\(layer),node-name=disk0"]
  }

  /// U-Boot for QEMU's machine.
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

  /// Path of a firmware on this host; `nil` where it is missing. SeaBIOS is a part of QEMU.
  public static func file(of firmware: Firmware, for architecture: Architecture) -> String? {
    switch firmware {
    case .bios: nil
    case .uBoot: try? uBoot(architecture)
    case .uefi: try? uefiFiles(architecture).code
    }
  }

  /// Checks that this host can run the machine, before any work begins.
  ///
  /// - Throws: ``EmulatorFailure``.
  public func checkHost() throws(EmulatorFailure) {
    guard firmware.isFor(architecture) else { throw .noSuchMachine(firmware, architecture) }
    guard program.path != nil else { throw .noEmulator(program) }
    switch firmware {
    case .bios: break
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

  /// A path in QEMU's option syntax, where a comma is doubled.
  private static func escaped(_ path: String) -> String { path.replacing(",", with: ",,") }
}

extension VirtualMachine.Firmware {
  /// Its name for people.
  public var title: String {
    switch self {
    case .uefi: "UEFI"
    case .bios: "BIOS"
    case .uBoot: "U-Boot"
    }
  }

  /// Whether images of an architecture start by it.
  public func isFor(_ architecture: Architecture) -> Bool {
    switch self {
    case .uefi: true
    case .bios: architecture.hasBIOS
    case .uBoot: architecture.hasUBoot
    }
  }
}
