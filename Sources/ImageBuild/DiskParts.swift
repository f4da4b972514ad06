import BootFlow
import DebianArchive
import DeviceModel
import DiskImage
import Foundation
import HostSystem
import PartitionTable
import RootFilesystem

/// What an image is made of, before it is file systems.
struct ImageParts: Sendable {
  var image: ImageName
  var device: DeviceClass
  var layout: Layout
  var identity: ImageIdentity
  var kernel: URL
  var root: RootContent
  var initialRAM: FileTree
  var epoch: Int64
  var arguments: [String]
}

/// What a root file system is made from.
enum RootContent: Sendable {
  /// A description of each file.
  case tree(FileTree)
  /// A tar archive, the hash of what it was made of, and where a file system made of it is kept.
  case archive(URL, identity: ContentHash, cache: Cache)
}

/// Name of a project's image.
struct ImageName: Sendable {
  var project: String
  var image: String
}

/// The file systems of an image, and the disk that they come to.
struct DiskParts {
  /// The disk, ready to be written.
  let image: DiskImage
  private let files: [String: URL]

  /// Makes the file systems, or finds them in the cache.
  init(
    _ parts: ImageParts, archive: DebianArchive, tools: ToolTree, cache: Cache, progress: BuildProgress
  ) async throws {
    let ids = DiskIdentity(project: parts.image.project, image: parts.image.image)
    let builder = FileSystemImage(tools: tools, cache: cache, epoch: parts.epoch)
    let layout = parts.layout
    async let rootFile = progress.step("root file system") {
      switch parts.root {
      case .tree(let tree):
        try await builder.root(
          tree, as: layout.rootFileSystem, slotSize: layout.slotSize, id: ids.fileSystem("root"))
      case .archive(let archive, let identity, let cache):
        try await FileSystemImage(tools: tools, cache: cache, epoch: parts.epoch).root(
          archive: archive, identity: identity, as: layout.rootFileSystem, slotSize: layout.slotSize,
          id: ids.fileSystem("root"))
      }
    }
    async let initialRAMFile = progress.step("initial RAM file system") {
      try await builder.initialRAM(parts.initialRAM)
    }
    let loaders = try await BootLoaderFiles(
      archive: archive, tools: tools, cache: cache, bootPartitionNumber: Layout.numbers.boot)
    let initialRAM = try await initialRAMFile
    let entry = BootEntry(
      slot: .a, title: "\(parts.image.project) \(parts.image.image)", version: parts.identity.version,
      arguments: parts.arguments)
    let tree = try loaders.bootTree(kernel: parts.kernel, initialRAM: initialRAM, entry: entry)
    let perSlot = try FileLength.of(parts.kernel) + FileLength.of(initialRAM)
    let boot = try await progress.step("boot partition") {
      try await builder.boot(tree, size: layout.bootSize, serial: ids.fatSerial, perSlot: perSlot)
    }
    let data = try await builder.data(size: layout.dataSize, id: ids.fileSystem("data"))
    let root = try await rootFile

    var image = DiskImage(table: layout.table(ids: ids, rootType: .linuxRootX86_64))
    try image.addGrub(loaders)
    try image.fill(Layout.numbers.boot, with: boot, called: "the boot file system", key: "boot")
    try image.fill(Layout.numbers.rootA, with: root, called: "the root file system", key: "slot")
    try image.fill(Layout.numbers.data, with: data, called: "the data file system", key: "data")
    self.image = image
    files = ["initialRAM": initialRAM, "kernel": parts.kernel, "root": root]
  }

  /// Bytes of kernel, initial RAM file system and root file system.
  func sizes() throws -> [String: Int64] { try files.mapValues { try FileLength.of($0) } }
}

/// Length of a file.
enum FileLength {
  /// The length in bytes.
  static func of(_ file: URL) throws -> Int64 {
    Int64(try file.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0)
  }
}
