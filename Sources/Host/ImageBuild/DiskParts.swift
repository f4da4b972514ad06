import BootFlow
import Bundle
import BundleMaking
import DebianArchive
import DeviceModel
import DiskImage
import FoundationEssentials
import Glibc
import HostSystem
import PartitionTable
import Project
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
  /// Device trees of the kernel for the device class.
  var deviceTrees: [URL]
  /// The file with the initial RAM file system.
  var initialRAM: URL
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

/// The boot partition of an image.
struct BootPart: Sendable {
  let loaders: BootLoaderFiles
  /// The file with the partition's file system.
  let file: URL

  /// Makes the boot partition, or finds it in the cache.
  init(
    _ parts: ImageParts, archive: DebianArchive, tools: ToolTree, cache: Cache, progress: BuildProgress
  ) async throws {
    let loaders = try await BootLoaderFiles(
      for: parts.device.architecture, kind: parts.loader, board: parts.device.firmware, archive: archive,
      tools: tools, cache: cache, bootPartitionNumber: parts.layout.numbers.boot)
    let entry = BootEntry(
      slot: .a, title: "\(parts.image.project) \(parts.image.image)", version: parts.version, arguments: parts.arguments
    )
    let tree = try loaders.bootTree(
      kernel: parts.kernel, initialRAM: parts.initialRAM, deviceTrees: parts.deviceTrees, entry: entry)
    let perSlot =
      try [parts.kernel, parts.initialRAM, loaders.uefi].compactMap(\.self).reduce(1 << 20) {
        try $0 + FolderTree.fileSize($1.path)
      }
    file = try await progress.step("boot partition") {
      try await FileSystemImage(tools: tools, cache: parts.ownCache ?? cache, epoch: parts.epoch).boot(
        tree, in: parts.layout, serial: DiskIdentity(parts.image).fatSerial,
        otherSlots: perSlot * Int64(parts.layout.slots.count - 1))
    }
    self.loaders = loaders
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
    try image.fill(
      numbers.rootA, with: root.file, used: layout.rootFileSystem == .ext4 ? .ext4 : .all,
      called: "the root file system", key: "slot")
    try image.fill(numbers.data, with: data, used: .ext4, called: "the data file system", key: "data")
    self.image = image
    slotFiles = SlotFiles(
      root: root.file, kernel: parts.kernel, initialRAM: parts.initialRAM, loaders: boot.loaders)
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
