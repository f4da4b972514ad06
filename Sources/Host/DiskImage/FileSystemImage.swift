import DebianArchive
import DeviceModel
import FoundationEssentials
import Hexadecimal
import HostSystem
import PartitionTable
import RootFilesystem

/// Makes file systems in files with their standard tools, without root and without mounting.
public struct FileSystemImage: Sendable {
  var tools: ToolTree
  var cache: Cache
  /// Timestamp of everything in the file systems, in seconds since 1970.
  var epoch: Int64

  public init(tools: ToolTree, cache: Cache, epoch: Int64) {
    self.tools = tools
    self.cache = cache
    self.epoch = epoch
  }

  private var environment: [String: String?] {
    ["SOURCE_DATE_EPOCH": "\(epoch)", "E2FSPROGS_FAKE_TIME": "\(epoch)"]
  }

  private func key(_ step: String, _ parts: [String]) -> CacheKey {
    var key = CacheKey(step)
    key.add(tools.identity)
    key.add("\(epoch)")
    key.add(parts)
    return key
  }

  /// A finished root file system.
  public struct Root: Sendable {
    /// The image file in the cache. It is exactly as long as the file system.
    public let file: URL
    /// Size of the content, from which the size of a slot may be derived.
    public let content: ByteSize
  }

  /// Makes a read-only root file system.
  ///
  /// - Parameters:
  ///   - layout: The layout with the slot that the file system has to fit, and its type.
  ///   - id: UUID of the file system, if its type has one.
  /// - Throws: ``DoesNotFit``, `CommandFailure`, `FileFailure`.
  public func root(_ source: RootSource, in layout: Layout, id: GUID) async throws -> Root {
    let kind = layout.rootFileSystem
    // The size of ext4 is determined before it is made, that of other types afterwards.
    let estimate = Self.ext4Estimate(source)
    let size = layout.slotSize.bytes(content: estimate).roundedToMebibytes
    var key = key("root-image 4", [kind.rawValue, id.description] + (kind == .ext4 ? ["\(size.bytes)"] : []))
    key.add(try source.identity())
    let folder = try await cache.result("root-image", key.hash) { folder in
      let temporary = folder.appending(path: "root.tar").path
      defer { FolderTree.remove(temporary) }
      let archive = try source.archive(at: temporary, time: epoch)
      let image = folder.appending(path: "root.img").path
      switch kind {
      case .erofs: try await makeErofs(archive, image, id: id)
      case .squashfs: try await makeSquashfs(archive, image)
      case .ext4: try await makeExt4(archive, image, size: size, id: id, content: source.contentSize)
      }
    }
    let image = folder.appending(path: "root.img")
    let length = ByteSize(bytes: try FolderTree.fileSize(image.path))
    let content = kind == .ext4 ? estimate : length
    try DoesNotFit.check(
      "the root file system", length, layout.slotSize.bytes(content: content).roundedToMebibytes, "the slot",
      key: "slot")
    return Root(file: image, content: content)
  }

  /// Estimates the size of a tree as ext4: files in whole blocks, an inode and a directory entry for each, and 5% for
  /// tables.
  private static func ext4Estimate(_ source: RootSource) -> ByteSize {
    let block: Int64 = 4096
    let need: Int64
    switch source {
    case .tree(let tree):
      need = tree.entries.values.reduce(Int64(0)) { sum, entry in
        switch entry.kind {
        case .file(let content): sum + (content.size + block - 1) / block * block + 512
        case .folder: sum + block + 512
        case .link, .characterDevice: sum + 512
        }
      }
    case .archive(_, _, let size, let entries):
      // On average, the last block of a file is half empty.
      need = size + Int64(entries) * (block / 2 + 512)
    }
    return ByteSize(bytes: need + need / 20 + (4 << 20))
  }

  /// Makes an EROFS image without inline data: the ends of files get blocks of their own, so that these blocks are
  /// unchanged in the next release. Between the inodes, they would move if any file before them grew. The image is
  /// about 8% larger, but has less than half as many changed blocks after an update.
  private func makeErofs(_ archive: GrowingFile, _ image: String, id: GUID) async throws {
    try await tools.command(
      "mkfs.erofs", ["--quiet", "--tar=f", "-Enoinline_data", "-T\(epoch)", "-U\(id)", image],
      to: "make the root file system", environment: environment, input: .growing(archive)
    ).run()
  }

  private func makeSquashfs(_ archive: GrowingFile, _ image: String) async throws {
    let arguments = ["-tar", "-comp", "zstd", "-no-progress", "-quiet", "-mkfs-time", "\(epoch)", "-reproducible"]
    try await tools.command(
      "mksquashfs", ["-", image] + arguments, to: "make the root file system", input: .growing(archive)
    ).run()
    // systemd-tmpfiles sets the access control list of the journal again at each start.
    let lost = try RootAttributes(of: archive.path) { $0.hasPrefix("system.") }.paths.filter { $0 != "var/log/journal" }
    if let first = lost.first { throw AttributesNotKept(path: "/\(first)", others: lost.count - 1) }
  }

  private func makeExt4(
    _ archive: GrowingFile, _ image: String, size: ByteSize, id: GUID, content: Int64
  ) async throws {
    try DoesNotFit.check(
      "the root file system's content", ByteSize(bytes: content), size, "the slot", key: "slot")
    let command = tools.command(
      "mke2fs",
      [
        // A slot is never written while it is mounted, so reserved blocks and a journal would waste space.
        "-q", "-t", "ext4", "-b", "4096", "-m", "0", "-O", "^has_journal,^metadata_csum_seed,^orphan_file",
        "-U", "\(id)", "-E", "hash_seed=\(id),lazy_itable_init=0,root_owner=0:0", "-L", "root", "-d", "-", image,
        "\(size.bytes / 1024)k",
      ], to: "make the root file system", environment: environment, input: .growing(archive))
    do {
      try await command.run()
      // mke2fs takes only capabilities from the attributes in an archive.
      let rest = try RootAttributes(of: archive.path) { $0 != "security.capability" }
      try await cache.withScratch { folder in
        guard let commands = try rest.commands(in: folder) else { return }
        try await tools.command(
          "debugfs", ["-w", "-f", commands.path, image], to: "set attributes of the root file system",
          environment: environment
        ).run()
      }
    } catch let failure as CommandFailure {
      guard case .failed(_, let said) = failure.outcome, said.contains("Could not allocate block") else {
        throw failure
      }
      // The content fits, but not with the tables, which take about 2% of an ext4 file system.
      let need = max(content + content / 50, size.bytes + (1 << 20))
      throw DoesNotFit(
        content: "the root file system", size: ByteSize(bytes: need), room: size, place: "the slot", key: "slot")
    }
  }

  /// Makes the data file system: ext4 with a journal, which the device will grow.
  ///
  /// - Parameter content: The complete content of the file system.
  public func data(in layout: Layout, id: GUID, content: FileTree = FileTree()) async throws -> URL {
    let size = layout.dataSize.roundedToMebibytes
    let label = "data"
    let options = ["-m", "1", "-J", "size=16", "-O", "64bit,^orphan_file"]
    var key = key("data-image 3", [id.description, "\(size.bytes)", label] + options)
    key.add(try content.identity())
    let folder = try await cache.result("data-image", key.hash) { folder in
      let archive = folder.appending(path: "data.tar").path
      defer { FolderTree.remove(archive) }
      try TarArchive.write(content, to: archive, time: epoch)
      try await tools.command(
        "mke2fs",
        ["-q", "-t", "ext4", "-b", "4096"] + options + [
          "-U", "\(id)",
          // The kernel discards blocks that the device frees. `resize` reserves group descriptors for growing to a
          // large disk.
          "-E", "hash_seed=\(id),lazy_itable_init=0,lazy_journal_init=1,root_owner=0:0,resize=67108864", "-L", label,
          "-d", "-", folder.appending(path: "data.img").path, "\(size.bytes / 1024)k",
        ], to: "make the data file system", environment: environment,
        input: .growing(GrowingFile(complete: archive))
      ).run()
    }
    return folder.appending(path: "data.img")
  }

  /// Makes the initial RAM file system: a cpio archive, optionally compressed with zstd.
  public func initialRAM(_ tree: FileTree, isCompressed: Bool) async throws -> URL {
    var key = key("initrd 4", isCompressed ? [] : ["plain"])
    key.add(try tree.identity())
    let folder = try await cache.result("initrd", key.hash) { folder in
      let file = folder.appending(path: "initrd").path
      guard isCompressed else { return try CpioArchive.write(tree, to: file, time: epoch) }
      let archive = folder.appending(path: "initrd.cpio").path
      try CpioArchive.write(tree, to: archive, time: epoch)
      // Level 9 would take half as long again and save only 4%.
      try await tools.command(
        "zstd", ["-q", "-6", "-T0", "--rm", archive, "-o", file],
        to: "compress the initial RAM file system"
      ).run()
    }
    return folder.appending(path: "initrd")
  }

  /// Makes the boot file system: FAT32 with a tree of files and folders.
  ///
  /// - Parameters:
  ///   - size: Size of the partition; `nil` for the boot partitions of the layout.
  ///   - serial: Serial number of the file system.
  ///   - otherSlots: Space that the other slots will need, in bytes.
  /// - Throws: ``DoesNotFit`` if the tree and the other slots need more space.
  public func boot(
    _ tree: FileTree, in layout: Layout, size: ByteSize? = nil, serial: UInt32, otherSlots: Int64
  ) async throws -> URL {
    // FAT32's tables and partly filled clusters take less than 2%.
    let need = ByteSize(bytes: (tree.contentSize + otherSlots) * 102 / 100 + (1 << 20))
    let size = (size ?? layout.bootSize).roundedToMebibytes
    let label = "BOOT"
    try DoesNotFit.check(
      "the content for \(otherSlots > 0 ? "two slots" : "its slot")", need, size,
      "the boot partition",
      key: "boot")
    var key = key("boot-image 3", ["\(serial)", "\(size.bytes)", label])
    key.add(try tree.identity())
    let folder = try await cache.result("boot-image", key.hash) { folder in
      let image = folder.appending(path: "boot.img").path
      try SparseFile.create(image, size: size.bytes)
      try await tools.command(
        "mkfs.fat", ["-F", "32", "-i", serial.hexadecimal, "-n", label, image], to: "make the boot file system",
        environment: environment
      ).run()
      try await fill(image, with: tree)
    }
    return folder.appending(path: "boot.img")
  }

  /// Copies files into a FAT file system, one folder after the other.
  ///
  /// Each file is named, because mcopy would copy a whole folder in the order in which the build host's file system
  /// happens to list it.
  private func fill(_ image: String, with tree: FileTree) async throws {
    func tool(_ name: String, _ arguments: [String]) async throws {
      try await tools.command(name, arguments, to: "fill the boot file system", environment: environment).run()
    }
    try await cache.withScratch { scratch in
      try materialise(tree, in: scratch)
      var files: [String: [String]] = [:]
      var folders = [""]
      for path in tree.paths {
        if case .folder = tree[path]?.kind {
          folders.append(path)
        } else {
          let folder = path.split(separator: "/").dropLast().joined(separator: "/")
          files[folder, default: []].append(scratch.appending(path: path).path)
        }
      }
      if folders.count > 1 { try await tool("mmd", ["-i", image] + folders.dropFirst().map { "::/\($0)" }) }
      for folder in folders {
        guard let files = files[folder] else { continue }
        try await tool("mcopy", ["-i", image, "-m", "-Q"] + files + ["::/\(folder)"])
      }
    }
  }

  /// Writes a tree to files with the fixed time, because mtools can copy only from files.
  private func materialise(_ tree: FileTree, in folder: URL) throws {
    for path in tree.paths {
      guard let entry = tree[path] else { continue }
      let place = folder.appending(path: path).path
      switch entry.kind {
      case .folder: try FolderTree.create(place)
      case .file(.bytes(let bytes)): try FolderTree.writeFile(place, with: bytes)
      case .file(.host(let source, _)): try FolderTree.writeFile(place, with: FolderTree.readFile(source))
      case .link, .characterDevice: throw FileFailure("add", path, reason: "FAT can store only files and folders")
      }
    }
    for path in tree.paths.reversed() { try FileTime.set(folder.appending(path: path).path, epoch) }
  }
}
