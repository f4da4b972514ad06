import FATFileSystem
import FoundationEssentials
import HostSystem
import PartitionTable

/// The part of a Raspberry Pi's firmware that QEMU lacks: finds the first program and the device tree on the disk.
///
/// This is not the whole firmware. It reads `kernel` from the last such line of `config.txt` without regard to filters,
/// which is enough for a disk whose first program is U-Boot.
struct RaspberryPiBoard {
  /// The file that the firmware starts, copied from the disk.
  let program: URL
  /// The device tree, marked as that of an emulated board.
  let deviceTree: URL

  /// File name of the board's device tree, as `upstream_kernel=1` makes the firmware look for it.
  private static let treeName = "bcm2837-rpi-3-b.dtb"
  private static let sizeLimit = 64 << 20

  /// Copies the files from a disk.
  ///
  /// - Parameter folder: Folder for the copies.
  /// - Throws: ``EmulatorFailure/noBoardFiles(_:reason:)``, `FileFailure`.
  init(disk: URL, in folder: URL) throws {
    let files: [String: [UInt8]]
    do {
      files = try Self.files(of: disk)
    } catch let failure as FATFileSystem.Failure {
      throw EmulatorFailure.noBoardFiles(disk, reason: failure.reason)
    } catch let failure as GPTError {
      throw EmulatorFailure.noBoardFiles(disk, reason: "\(failure)")
    }
    let settings = String(decoding: files["config.txt"] ?? [], as: UTF8.self)
    let name = settings.split(separator: "\n").last { $0.hasPrefix("kernel=") }
      .map { $0.dropFirst("kernel=".count).filter { !$0.isWhitespace }.lowercased() }
    guard let name, let start = files[name], let tree = files[Self.treeName] else {
      throw EmulatorFailure.noBoardFiles(
        disk, reason: "config.txt names no file that is there, or \(Self.treeName) is missing")
    }
    program = folder.appending(path: "board-program.bin")
    deviceTree = folder.appending(path: "board.dtb")
    try FolderTree.replaceFile(program.path, with: start)
    try FolderTree.replaceFile(deviceTree.path, with: Self.marked(tree))
  }

  /// Reads the small files in the root folder of the first boot partition, by name in lower case.
  private static func files(of disk: URL) throws -> [String: [UInt8]] {
    let file = try OpenFile(disk.path)
    let sector = UInt64(GPT.sectorSize)
    let table = try DiskTableReading(diskSizeInSectors: try file.seekToEnd() / sector) { lba, count in
      try file.read(count * GPT.sectorSize, at: lba * sector)
    }.table()
    guard let boot = table.firstBootPartition else { return [:] }
    let fileSystem = try FATFileSystem(length: boot.sectorCount * sector) { offset, count in
      try file.read(count, at: boot.firstLBA * sector + offset)
    }
    var found: [String: [UInt8]] = [:]
    try fileSystem.walk { path, entry in
      let path = path.lowercased()
      guard !entry.isFolder, !path.contains("/"), path == "config.txt" || path == treeName || path.hasSuffix(".bin")
      else { return }
      var bytes: [UInt8] = []
      try fileSystem.forEachPiece(of: entry) { if bytes.count < sizeLimit { bytes += Array($0) } }
      found[path] = bytes
    }
    return found
  }

  /// Changes two texts in the device tree that U-Boot gets. They keep their lengths, so nothing else changes.
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
