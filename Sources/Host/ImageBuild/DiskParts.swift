import BootFlow
import Bundle
import BundleMaking
import DebianArchive
import DeviceModel
import DiskImage
import FATFileSystem
import FoundationEssentials
import Glibc
import HostSystem
import Lock
import PartitionTable
import Project
import RaspberryPi
import RootFilesystem

/// The parts of an image besides the root, before they become file systems.
struct ImageParts: Sendable {
  var image: ImageName
  var device: DeviceClass
  var layout: Layout
  /// Version of the software in the image.
  var version: String
  var loader: BootLoader
  var kernel: URL
  /// Firmware on the boot partition; `nil` for hardware with firmware of its own.
  var firmware: BoardFirmware?
  /// Packages of the image's own root that have firmware. They are preferred to those of the tools' suite.
  var firmwarePackages: [DebianPackage] = []
  /// Device trees of the kernel for the device class.
  var deviceTrees: [URL]
  /// Device tree overlays of the kernel, if the firmware applies them.
  var overlays: [URL]
  /// The file with the initial RAM file system.
  var initialRAM: URL
  /// The configuration of the kernel, as a file.
  var kernelConfiguration: URL?
  /// The Raspberry Pis of the device class.
  var board: RaspberryPiBoard?
  /// Position of the image in the project file.
  var position: SourcePosition
  /// Kernel command line.
  var arguments: [String]
  var epoch: Int64
  /// True for an image whose devices take updates.
  var takesUpdates: Bool
  /// Cache for the file systems of the root and boot partitions, if not the shared one.
  var ownCache: Cache?
}

struct ImageName: Sendable {
  var project: String
  var image: String
}

/// The boot partition of an image, or its boot partitions.
struct BootPart: Sendable {
  let loaders: BootLoaderFiles
  /// The file with the first partition's file system.
  let file: URL
  /// The file with the file system of slot A's own boot partition; `nil` if slots have none.
  let slotFile: URL?

  /// Makes the boot partition, or finds it in the cache.
  ///
  /// - Throws: ``ImageFailure/cannotStart(_:position:)`` and errors of the libraries below.
  init(
    _ parts: ImageParts, archive: DebianArchive, tools: ToolTree, cache: Cache, progress: BuildProgress
  ) async throws {
    let loaders = try await BootLoaderFiles(
      for: parts.device.architecture, kind: parts.loader, board: parts.firmware,
      preferring: parts.firmwarePackages, archive: archive, tools: tools, cache: cache,
      bootPartitionNumber: parts.layout.numbers.boot)
    self.loaders = loaders
    let entry = BootEntry(
      slot: .a, title: "\(parts.image.project) \(parts.image.image)", version: parts.version, arguments: parts.arguments
    )
    let ids = DiskIdentity(parts.image)
    let maker = FileSystemImage(tools: tools, cache: parts.ownCache ?? cache, epoch: parts.epoch)
    if let bootA = parts.layout.numbers.bootA {
      let choice = try BootLoaderFiles.choiceTree(bootA: bootA, bootB: parts.layout.numbers.bootB ?? bootA)
      let slot = try loaders.slotTree(
        kernel: parts.kernel, initialRAM: parts.initialRAM, deviceTrees: parts.deviceTrees, overlays: parts.overlays,
        entry: entry, bootPartition: parts.layout.bootPartitionID(ids))
      (file, slotFile) = try await progress.step("boot partitions") {
        (
          try await maker.boot(
            choice, in: parts.layout, size: Layout.configurationSize, serial: ids.fatSerial, otherSlots: 0),
          try await maker.boot(slot, in: parts.layout, serial: ids.slotSerial, otherSlots: 0)
        )
      }
    } else {
      let tree = try loaders.bootTree(
        kernel: parts.kernel, initialRAM: parts.initialRAM, deviceTrees: parts.deviceTrees, entry: entry)
      let perSlot =
        try [parts.kernel, parts.initialRAM, loaders.uefi].compactMap(\.self).reduce(1 << 20) {
          try $0 + FolderTree.fileSize($1.path)
        }
      file = try await progress.step("boot partition") {
        try await maker.boot(
          tree, in: parts.layout, serial: ids.fatSerial, otherSlots: perSlot * Int64(parts.layout.slots.count - 1))
      }
      slotFile = nil
    }
    if let board = parts.board { try check(board, parts) }
  }

  /// Refuses files from which the models would not start.
  private func check(_ board: RaspberryPiBoard, _ parts: ImageParts) throws {
    let table: BootRefusal.Table = parts.layout.scheme == .gpt ? .gpt : .mbr
    let start = try loaders.firmwareFile("start4.elf").map { try FolderTree.readFile($0.path) }
    var refusals = BootRefusal.gpt(
      models: board.models, table: table, firmware: start.flatMap { FirmwareDate.find(in: $0) })
    if let configuration = parts.kernelConfiguration {
      refusals += BootRefusal.storageDriver(
        models: board.models,
        configuration: String(decoding: try FolderTree.readFile(configuration.path), as: UTF8.self))
    }
    for (name, file) in [("boot", file)] + (slotFile.map { [("boot-a", $0)] } ?? []) {
      let content = try OpenFile(file.path)
      let files = try FATFileSystem(length: UInt64(try FolderTree.fileSize(file.path))) { offset, count in
        try content.read(count, at: offset)
      }
      refusals += BootRefusal.fat(
        partition: name, isFAT32: files.variant == .thirtyTwo, clusters: UInt64(files.clusterCount), table: table)
    }
    guard refusals.isEmpty else { throw ImageFailure.cannotStart(refusals, position: parts.position) }
  }
}

/// The file systems of an image, and the disk made from them.
struct DiskParts {
  /// The disk, ready to write.
  let image: DiskImage
  /// The files that an update of a slot replaces together.
  let slotFiles: SlotFiles

  struct SlotFiles: Sendable {
    var root: URL
    var kernel: URL
    var initialRAM: URL
    /// The slot's own boot partition, which has kernel and initial RAM file system; `nil` if slots have none.
    var boot: URL?
    var loaders: BootLoaderFiles
  }

  /// Makes the file systems, or finds them in the cache.
  ///
  /// - Parameter boot: Makes the boot partition, while the root file system is being made.
  init(
    _ parts: ImageParts, root: RootSource, tools: ToolTree, cache: Cache, progress: BuildProgress,
    boot: () async throws -> BootPart
  ) async throws {
    let ids = DiskIdentity(parts.image)
    let layout = parts.layout
    async let rootFile = progress.step("root file system") {
      try await FileSystemImage(tools: tools, cache: parts.ownCache ?? cache, epoch: parts.epoch).root(
        root, in: layout, id: ids.fileSystem("root"))
    }
    let boot = try await boot()
    let root = try await rootFile
    let data = try await FileSystemImage(tools: tools, cache: cache, epoch: parts.epoch).data(
      in: layout, id: ids.fileSystem("data"), content: try Self.dataTree(parts, root: root.file))

    let numbers = layout.numbers
    var image = DiskImage(table: layout.table(ids: ids, rootType: parts.device.rootType, rootContent: root.content))
    if let grub = boot.loaders.grub { try image.add(grub) }
    try image.fill(numbers.boot, with: boot.file, used: .fat32, called: "the boot file system", key: "boot")
    if let number = numbers.bootA, let file = boot.slotFile {
      try image.fill(number, with: file, used: .fat32, called: "the boot file system of slot A", key: "boot")
    }
    try image.fill(
      numbers.rootA, with: root.file, used: layout.rootFileSystem == .ext4 ? .ext4 : .all,
      called: "the root file system", key: "slot")
    try image.fill(numbers.data, with: data, used: .ext4, called: "the data file system", key: "data")
    self.image = image
    slotFiles = SlotFiles(
      root: root.file, kernel: parts.kernel, initialRAM: parts.initialRAM, boot: boot.slotFile,
      loaders: boot.loaders)
  }

  /// The content of the data partition of a newly flashed device: the root of the hash tree of its root file system, by
  /// which the device recognises the delta bundles that fit.
  private static func dataTree(_ parts: ImageParts, root: URL) throws -> FileTree {
    var tree = FileTree()
    guard parts.takesUpdates else { return tree }
    let folder = String(DevicePaths.updateRecords.dropFirst(DevicePaths.data.count))
    try tree.add(folder, .folder, mode: 0o700, from: "the image")
    let digest = try HashTree.root(ofFile: root.path)
    try tree.add(
      "\(folder)/\(DevicePaths.flashedRoot)", .file(.bytes(Array("\(digest)\n".utf8))), mode: 0o600,
      from: "the image")
    return tree
  }

  /// Sizes of kernel, initial RAM file system and root file system, in bytes.
  func sizes() throws -> [String: Int64] {
    let files = ["initialRAM": slotFiles.initialRAM, "kernel": slotFiles.kernel, "root": slotFiles.root]
    return try files.mapValues { try FolderTree.fileSize($0.path) }
  }
}

extension DiskIdentity {
  /// The identifiers of an image's disk.
  init(_ name: ImageName) { self.init(project: name.project, image: name.image) }
}
