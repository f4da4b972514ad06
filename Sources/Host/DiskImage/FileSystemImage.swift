import DebianArchive
import DeviceModel
import FoundationEssentials
import HostSystem
import PartitionTable
import RootFilesystem

/// Makes file systems as files, with the field's own tools, without root and without mounting.
public struct FileSystemImage: Sendable {
  var tools: ToolTree
  var cache: Cache
  /// Time of everything in the file systems, in seconds since 1970.
  var epoch: Int64

  /// Makes a builder.
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

  /// A root file system that was made.
  public struct Root: Sendable {
    /// The image file, in the cache, as long as the file system is.
    public let file: URL
    /// How large the content is that the slot's size may follow.
    public let content: ByteSize
  }

  /// Makes a read-only root file system.
  ///
  /// - Parameters:
  ///   - slot: The partition that it has to fit.
  ///   - id: UUID of the file system, where its kind has one.
  /// - Throws: ``DoesNotFit``, `CommandFailure`, `FileFailure`.
  public func root(_ source: RootSource, in slot: LayoutPartition, id: GUID) async throws -> Root {
    guard case .root(let kind) = slot.fileSystem else { preconditionFailure("the partition is no slot") }
    // Of ext4 the size is known before it is made, of the others afterwards.
    let estimate = Self.ext4Estimate(source)
    let size = slot.size.bytes(content: estimate).roundedToMebibytes
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
      case .ext4: try await makeExt4(archive, image, in: slot, size: size, id: id, content: source.contentSize)
      }
    }
    let image = folder.appending(path: "root.img")
    let length = ByteSize(bytes: try FileSize.of(image.path))
    let content = kind == .ext4 ? estimate : length
    try DoesNotFit.check(
      "the root file system", length, slot.size.bytes(content: content).roundedToMebibytes, "the slot", key: "slot")
    return Root(file: image, content: content)
  }

  /// What a tree takes as ext4: its files in whole blocks, an inode and a folder's entry for each, and a twentieth for tables.
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
      // Half a block of each file is lost on average.
      need = size + Int64(entries) * (block / 2 + 512)
    }
    return ByteSize(bytes: need + need / 20 + (4 << 20))
  }

  /// The ends of files have blocks of their own, and so are the same blocks in the next release: packed between the inodes,
  /// they would move with each file before them that grows. The image is some 8 % larger for it, and has less than half as many new
  /// blocks after an update.
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
    // The journal's list is set again at each start, by systemd-tmpfiles.
    let lost = try RootAttributes(of: archive.path) { $0.hasPrefix("system.") }.paths.filter { $0 != "var/log/journal" }
    if let first = lost.first { throw AttributesNotKept(path: "/\(first)", others: lost.count - 1) }
  }

  private func makeExt4(
    _ archive: GrowingFile, _ image: String, in slot: LayoutPartition, size: ByteSize, id: GUID, content: Int64
  ) async throws {
    try DoesNotFit.check(
      "the root file system's content", ByteSize(bytes: content), size, "the slot", key: "slot")
    let command = tools.command(
      "mke2fs",
      ["-q", "-t", "ext4", "-b", "4096"] + slot.fileSystemOptions + [
        "-U", "\(id)", "-E", "hash_seed=\(id),lazy_itable_init=0,root_owner=0:0", "-L", slot.label ?? "root", "-d", "-",
        image, "\(size.bytes / 1024)k",
      ], to: "make the root file system", environment: environment, input: .growing(archive))
    do {
      try await command.run()
      // Of an archive's attributes mke2fs takes capabilities alone.
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
      // The content fits, and the tables beside it do not: they take about a fiftieth of a file system of this kind.
      let need = max(content + content / 50, size.bytes + (1 << 20))
      throw DoesNotFit(
        content: "the root file system", size: ByteSize(bytes: need), room: size, place: "the slot", key: "slot")
    }
  }

  /// Makes the data file system: ext4 with a journal, to be grown on the device.
  ///
  /// - Parameter content: Everything that is in it.
  public func data(_ partition: LayoutPartition, id: GUID, content: FileTree = FileTree()) async throws -> URL {
    let size = partition.size.bytes(content: ByteSize(bytes: 0)).roundedToMebibytes
    let label = partition.label ?? partition.name
    var key = key("data-image 3", [id.description, "\(size.bytes)", label] + partition.fileSystemOptions)
    key.add(try content.identity())
    let folder = try await cache.result("data-image", key.hash) { folder in
      let archive = folder.appending(path: "data.tar").path
      defer { FolderTree.remove(archive) }
      try TarArchive.write(content, to: archive, time: epoch)
      try await tools.command(
        "mke2fs",
        ["-q", "-t", "ext4", "-b", "4096"] + partition.fileSystemOptions + [
          "-U", "\(id)",
          // The kernel trims what the device frees; wide tables of groups are reserved for growing to a large disk.
          "-E", "hash_seed=\(id),lazy_itable_init=0,lazy_journal_init=1,root_owner=0:0,resize=67108864", "-L", label,
          "-d", "-", folder.appending(path: "data.img").path, "\(size.bytes / 1024)k",
        ], to: "make the data file system", environment: environment,
        input: .growing(GrowingFile(complete: archive))
      ).run()
    }
    return folder.appending(path: "data.img")
  }

  /// Makes the initial RAM file system: a cpio archive, compressed with zstd or as it is.
  public func initialRAM(_ tree: FileTree, isCompressed: Bool) async throws -> URL {
    var key = key("initrd 4", isCompressed ? [] : ["plain"])
    key.add(try tree.identity())
    let folder = try await cache.result("initrd", key.hash) { folder in
      let file = folder.appending(path: "initrd").path
      guard isCompressed else { return try CpioArchive.write(tree, to: file, time: epoch) }
      let archive = folder.appending(path: "initrd.cpio").path
      try CpioArchive.write(tree, to: archive, time: epoch)
      // Level 9 takes half as long again for four hundredths.
      try await tools.command(
        "zstd", ["-q", "-6", "-T0", "--rm", archive, "-o", file],
        to: "compress the initial RAM file system"
      ).run()
    }
    return folder.appending(path: "initrd")
  }

  /// Makes the boot file system: FAT32, from a tree of files and folders.
  ///
  /// - Parameters:
  ///   - partition: The partition that it has to fit.
  ///   - serial: Serial number of the file system.
  ///   - otherSlots: Bytes of what further slots will need, beside the tree.
  /// - Throws: ``DoesNotFit`` if tree and further slots need more room.
  public func boot(
    _ tree: FileTree, in partition: LayoutPartition, serial: UInt32, otherSlots: Int64
  ) async throws -> URL {
    // FAT32's own tables and the slack of clusters take less than two per cent of such a file system.
    let need = ByteSize(bytes: (tree.contentSize + otherSlots) * 102 / 100 + (1 << 20))
    let size = partition.size.bytes(content: need).roundedToMebibytes
    let label = partition.label ?? partition.name
    try DoesNotFit.check(
      "what the boot partition holds for \(otherSlots > 0 ? "two slots" : "its slot")", need, size,
      "the boot partition",
      key: "boot")
    var key = key("boot-image 3", ["\(serial)", "\(size.bytes)", label])
    key.add(try tree.identity())
    let folder = try await cache.result("boot-image", key.hash) { folder in
      let image = folder.appending(path: "boot.img").path
      try SparseFile.create(image, size: size.bytes)
      let digits = String(serial, radix: 16)
      let id = String(repeating: "0", count: 8 - digits.count) + digits
      try await tools.command(
        "mkfs.fat", ["-F", "32", "-i", id, "-n", label, image], to: "make the boot file system",
        environment: environment
      ).run()
      try await fill(image, with: tree)
    }
    return folder.appending(path: "boot.img")
  }

  /// Fills a FAT file system, one folder after the other.
  ///
  /// The order is given for each file: copying a folder as a whole would take the files in the order in which the build
  /// host's file system happens to list them.
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
      try await tool("mmd", ["-i", image] + folders.dropFirst().map { "::/\($0)" })
      for folder in folders {
        guard let files = files[folder] else { continue }
        try await tool("mcopy", ["-i", image, "-m", "-Q"] + files + ["::/\(folder)"])
      }
    }
  }

  /// Writes a tree of plain files out, with the fixed time on everything: mtools copies from files only.
  private func materialise(_ tree: FileTree, in folder: URL) throws {
    for path in tree.paths {
      guard let entry = tree[path] else { continue }
      let place = folder.appending(path: path).path
      switch entry.kind {
      case .folder: try FolderTree.create(place)
      case .file(.bytes(let bytes)): try FolderTree.writeFile(place, with: bytes)
      case .file(.host(let source, _)): try FolderTree.writeFile(place, with: FolderTree.readFile(source))
      case .link, .characterDevice: throw FileFailure("add", path, reason: "FAT has files and folders only")
      }
    }
    for path in tree.paths.reversed() { try FileTime.set(folder.appending(path: path).path, epoch) }
  }
}
