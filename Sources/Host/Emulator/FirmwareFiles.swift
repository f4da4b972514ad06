import FoundationEssentials
import Glibc
import HostSystem
import RaspberryPi

/// The files that the firmware of a Raspberry Pi starts from a disk, copied for QEMU, which has no such firmware.
struct FirmwareFiles {
  /// QEMU's options for the files.
  let arguments: [String]
  /// The decisions of the firmware.
  let log: [String]

  /// Finds and copies the files.
  ///
  /// - Parameters:
  ///   - restart: The end of the last run of the machine.
  ///   - folder: Folder for the copies.
  /// - Throws: ``EmulatorFailure/noBoardFiles(_:reason:)``, `FileFailure`.
  init(disk: URL, model: Model, after restart: Restart, in folder: URL) throws {
    let file = try OpenFile(disk.path)
    let medium = BootMedium(size: try file.seekToEnd()) { offset, count in try file.read(count, at: offset) }
    let start: FirmwareDouble.Start
    do {
      start = try FirmwareDouble(model).start(medium, after: restart)
    } catch let failure as FirmwareDouble.Failure {
      let log = failure.log.map { "\n  \($0)" }.joined()
      throw EmulatorFailure.noBoardFiles(disk, reason: failure.reason + log)
    }
    log = start.log
    func copy(_ bytes: [UInt8], _ name: String) throws -> String {
      let place = folder.appending(path: name).path
      try FolderTree.replaceFile(place, with: bytes)
      return place
    }
    var arguments = ["-kernel", try copy(start.kernel.bytes, "board-kernel")]
    if let initialRAM = start.initialRAM { arguments += ["-initrd", try copy(initialRAM, "board-initrd")] }
    // The firmware replaces `serial0` by the name of the serial port on the pins. QEMU's own machine has another one.
    let line =
      start.machine == .virt
      ? start.commandLine.replacing("console=serial0", with: "console=ttyAMA0") : start.commandLine
    if !line.isEmpty { arguments += ["-append", line] }
    // The other machine makes a device tree of its own hardware.
    if start.machine == .raspi3b { arguments += ["-dtb", try copy(Self.marked(start.deviceTree.bytes), "board.dtb")] }
    self.arguments = arguments
  }

  /// Changes two texts in the device tree of a Raspberry Pi 3. They keep their lengths, so nothing else changes.
  ///
  /// - The model, by which the device knows that its board is emulated: QEMU's watchdog resets the machine as soon as it
  ///   is armed. U-Boot copies the model to the device tree of the slot.
  /// - The driver of USB, so that U-Boot does not start the controller: with QEMU's, Linux then misses the devices that
  ///   are connected already.
  static func marked(_ tree: [UInt8]) -> [UInt8] {
    var marked = tree
    for (old, new) in [
      ("Raspberry Pi 3 Model B\0", "QEMU Raspberry Pi 3 B \0"), ("brcm,bcm2835-usb\0", "brcm,bcm2835-off\0"),
    ] {
      guard let place = marked.firstRange(of: Array(old.utf8)) else { continue }
      marked.replaceSubrange(place, with: Array(new.utf8))
    }
    return marked
  }
}

/// The starts of a machine. QEMU restarts most machines itself. For a Raspberry Pi on QEMU's own machine, each start is a
/// new process, with the files that the firmware finds by then.
struct MachineStarts {
  private var machine: VirtualMachine
  private let folder: URL
  private var restart = Restart.powerOn

  /// - Parameter folder: Folder for the machine's own files.
  init(of machine: VirtualMachine, in folder: URL) {
    self.machine = machine
    self.folder = folder
  }

  /// The file with the console's output of one process.
  private var consoleLog: URL { folder.appending(path: "console.log") }

  /// True if each start is a new process.
  private var isByFirmware: Bool { machine.firmware == .raspberryPi && machine.model.machine == .virt }

  /// QEMU's arguments for the next start, with the console `console` on standard input and output.
  ///
  /// - Parameter isMultiplexed: True if the console also has QEMU's monitor.
  func arguments(isMultiplexed: Bool) throws -> [String] {
    var console = "stdio,id=console,signal=off" + (isMultiplexed ? ",mux=on" : "")
    var arguments = try machine.arguments(in: folder)
    if machine.firmware == .raspberryPi, let disk = machine.disks.first {
      let files = try FirmwareFiles(disk: disk, model: machine.model, after: restart, in: folder)
      arguments += files.arguments
      try FolderTree.replaceFile(
        folder.appending(path: "firmware.log").path, with: Array((files.log.joined(separator: "\n") + "\n").utf8))
    }
    if isByFirmware {
      arguments.append("-no-reboot")
      console += ",logfile=\(VirtualMachine.escaped(consoleLog.path)),logappend=off"
    }
    return arguments + ["-chardev", console, "-serial", "chardev:console"]
  }

  /// Returns the last 64 KiB of a text. The guest determines its size.
  private static func end(of file: URL) -> String {
    let descriptor = open(file.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let start = max(0, lseek(descriptor, 0, SEEK_END) - bytes.count)
    let count = pread(descriptor, &bytes, bytes.count, start)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  /// Determines if the machine starts again after its process has ended.
  ///
  /// - Parameter endsSilently: True if a process that ends without a message on the console was ended by its user, and
  ///   not by the machine's watchdog.
  mutating func startsAgain(endsSilently: Bool) -> Bool {
    guard isByFirmware else { return false }
    machine.continuesWriteLog = true
    let console = Self.end(of: consoleLog)
    restart = Restart(console: console)
    let lines = console.split(whereSeparator: \.isNewline).suffix(20)
    if lines.contains(where: { $0.contains("reboot: Power down") || $0.contains("reboot: System halted") }) {
      return false
    }
    // A kernel that panics restarts without a further message.
    return !endsSilently
      || lines.contains { $0.contains("reboot: Restarting system") || $0.contains("Rebooting in") }
  }
}
