import DebianArchive
import ExtFileSystem
import FATFileSystem
import FoundationEssentials
import Glibc
import Hashing
import HostSystem
import struct LinuxSystem.ForeignTree
import Sandbox

/// Imports published images as bases of systems.
///
/// Nothing is mounted, so no kernel support for a file system and no rights beyond those of a sandbox are needed. File
/// systems are read directly from the image. All content passes through a tar archive, which keeps owners, modes, links
/// and attributes in a sandbox too.
public struct BaseImporter: Sendable {
  private let cache: Cache
  private let tools: ToolTree
  private let progress: BuildProgress

  public init(cache: Cache, tools: ToolTree, progress: BuildProgress) {
    self.cache = cache
    self.tools = tools
    self.progress = progress
  }

  /// Finds the tree of an image that was imported before; `nil` if it was not.
  ///
  /// - Throws: `FileFailure` if the cache is damaged.
  public static func existing(_ base: BaseFile, partition: Int?, in cache: Cache) throws -> BaseRoot? {
    let key = key(base, partition)
    let place = cache.location("base-image", key)
    return cache.take(place) ? try root(at: place, key, base) : nil
  }

  /// Imports an image, or finds it in the cache.
  ///
  /// - Parameter partition: Number of the root partition; `nil` to find it by its content.
  /// - Throws: ``BaseFailure``, `CommandFailure`, `FileFailure`, `SandboxFailure`.
  public func root(of base: BaseFile, partition: Int?) async throws -> BaseRoot {
    let key = Self.key(base, partition)
    let place = try await cache.result("base-image", key) { folder in
      try await progress.step("import \(base.file.lastPathComponent)") {
        let tree = folder.appending(path: "tree")
        try FolderTree.create(tree.path)
        guard chmod(tree.path, 0o755) == 0 else { throw FileFailure.last("set the mode of", tree.path) }
        try await cache.withScratch { scratch in
          try await Work(
            image: base.file, partition: partition, tools: tools, scratch: scratch,
            sandbox: try Sandbox(scratch: scratch)
          ).fill(tree)
        }
        let facts = try BaseFacts(of: tree, image: base.file)
        try FolderTree.replaceFile(folder.appending(path: "facts.json").path, with: try JSONEncoder().encode(facts))
      }
    }
    return try Self.root(at: place, key, base)
  }

  private static func key(_ base: BaseFile, _ partition: Int?) -> Digest {
    var key = CacheKey("base-image 3")
    key.add(base.sha256)
    key.add(partition.map(String.init) ?? "")
    return key.hash
  }

  private static func root(at place: URL, _ key: Digest, _ base: BaseFile) throws -> BaseRoot {
    let file = place.appending(path: "facts.json").path
    guard let facts = try? JSONDecoder().decode(BaseFacts.self, from: Data(try FolderTree.readFile(file))) else {
      throw FileFailure("read", file, reason: "it is not the result of an import; `cultivar cache clear` removes it")
    }
    return BaseRoot(
      tree: place.appending(path: "tree"), key: key, name: base.file.lastPathComponent, image: base.sha256,
      facts: facts)
  }

  // MARK: The work

  private struct Work {
    let image: URL
    let partition: Int?
    let tools: ToolTree
    let scratch: URL
    let sandbox: Sandbox

    func fill(_ tree: URL) async throws {
      let disk = try await unpacked()
      let content = try FileRange(disk)
      switch try StoredKind(of: content) {
      case .tar:
        try await unpack(disk, to: "", of: tree)
      case .compressed: throw BaseFailure(image, .notAnImage("compressed more than once"))
      default: try await fill(tree, from: try DiskPartition.all(in: content), of: content, in: disk)
      }
      try await adapt(tree)
    }

    /// The image, decompressed if necessary.
    private func unpacked() async throws -> URL {
      guard try StoredKind(of: try FileRange(image)) == .compressed else {
        // As a link, because some programs would interpret parts of the file's own name.
        let link = scratch.appending(path: "image")
        guard symlink(image.path, link.path) == 0 else { throw FileFailure.last("link", link.path) }
        return link
      }
      let disk = scratch.appending(path: "image")
      do {
        // `zstd` also decompresses xz and gzip, and makes holes for zeros.
        try await tools.command(
          "zstd", ["--decompress", "--quiet", "--force", "--long=31", "-o", disk.path, image.path],
          to: "unpack \(image.path)"
        ).run()
      } catch let failure as CommandFailure {
        throw damaged("it cannot be unpacked", failure)
      }
      return disk
    }

    private func damaged(_ what: String, _ failure: CommandFailure) -> any Error {
      guard case .failed(_, let said) = failure.outcome else { return failure }
      return BaseFailure(image, .damaged(what, said: said))
    }

    // MARK: Disks

    private func fill(_ tree: URL, from partitions: [DiskPartition], of content: FileRange, in disk: URL) async throws {
      guard !partitions.isEmpty else { throw BaseFailure(image, .notAnImage("unknown content")) }
      if let only = partitions.first, only.number == 0, only.kind != .ext {
        throw BaseFailure(image, .notAnImage(only.kind.title))
      }
      let (root, table) = try rootPartition(partitions)
      try await unpack(root, of: disk, to: "", of: tree)
      for row in table.rows where row.target != "/" && row.isOnDisk && row.type != "swap" {
        guard let other = try partitions.first(where: { try isNamed($0, by: row) }), other.number != root.number
        else { continue }
        let target = row.target.split(separator: "/").joined(separator: "/")
        guard !target.isEmpty, !target.split(separator: "/").contains("..") else { continue }
        switch other.kind {
        case .ext: try await unpack(other, of: disk, to: target, of: tree)
        case .fat: try await unpackFAT(other, to: target, of: tree)
        default:
          throw BaseFailure(
            image,
            .unreadable(place: "\(other.title), which its /etc/fstab mounts at \(row.target),", kind: other.kind.title))
        }
      }
    }

    /// Finds the partition with a Debian, and reads its mount table.
    private func rootPartition(_ partitions: [DiskPartition]) throws -> (DiskPartition, MountTable) {
      var candidates = partitions
      if let partition {
        candidates = partitions.filter { $0.number == partition }
        guard let chosen = candidates.first else {
          throw BaseFailure(image, .noPartition(partition, available: partitions.map { "\($0.number)" }))
        }
        guard chosen.kind == .ext else {
          throw BaseFailure(image, .unreadable(place: chosen.title, kind: chosen.kind.title))
        }
      }
      var found: [(DiskPartition, MountTable)] = []
      var failure: (any Error)?
      for candidate in candidates where candidate.kind == .ext {
        do {
          if let table = try mountTable(ofRoot: candidate) { found.append((candidate, table)) }
        } catch {
          // Throw the error only if no other partition is the root.
          failure = failure ?? error
        }
      }
      guard let first = found.first else {
        if let failure { throw failure }
        throw BaseFailure(image, .noRoot(seen: candidates.map { "\($0.title) (\($0.kind.title))" }))
      }
      guard found.count == 1 else { throw BaseFailure(image, .severalRoots(found.map(\.0.number))) }
      return first
    }

    /// The mount table of a partition with a Debian; `nil` for other partitions.
    private func mountTable(ofRoot partition: DiskPartition) throws -> MountTable? {
      try checkLength(partition)
      return try explained(partition) {
        let fileSystem = try partition.fileSystem()
        let releases = ["usr/lib/os-release", "etc/os-release"]
        guard try fileSystem.inode(at: BaseRoot.statusPath) != nil,
          try releases.contains(where: { try fileSystem.inode(at: $0) != nil })
        else { return nil }
        let table = try fileSystem.inode(at: "etc/fstab").flatMap { inode in
          inode.kind == .file ? try fileSystem.content(of: inode, limit: UInt64(Self.tableLimit)) : nil
        }
        return MountTable(String(decoding: table ?? [], as: UTF8.self))
      }
    }

    private func isNamed(_ partition: DiskPartition, by row: MountTable.Row) throws -> Bool {
      switch partition.kind {
      case .ext:
        let fileSystem = try? partition.fileSystem()
        return row.names(partition, uuid: fileSystem?.uuid ?? "", label: fileSystem?.label ?? "")
      case .fat(let id, let label): return row.names(partition, uuid: id, label: label)
      default: return row.names(partition, uuid: "", label: "")
      }
    }

    /// Checks that a partition and its file system do not extend beyond the end of the image.
    private func checkLength(_ partition: DiskPartition) throws {
      var size = partition.size
      if partition.kind == .ext {
        do { _ = try partition.fileSystem() } catch ExtFailure.endsEarly(let whole, _) { size = max(size, whole) } catch
        {}
      }
      guard partition.region.size < size else { return }
      throw BaseFailure(
        image,
        .damaged(
          "it ends early: \(partition.title) has \(size) bytes, but only \(partition.region.size) are there", said: ""))
    }

    private func explained<Value>(_ partition: DiskPartition, _ body: () throws -> Value) throws -> Value {
      do {
        return try body()
      } catch let failure as ExtFailure {
        switch failure {
        case .damaged(let what): throw BaseFailure(image, .damaged("\(partition.title) is damaged: \(what)", said: ""))
        case .endsEarly(let size, let length):
          throw BaseFailure(
            image,
            .damaged("it ends early: \(partition.title) has \(size) bytes, but only \(length) are there", said: ""))
        case .unknownFeature(let name):
          throw BaseFailure(image, .unreadable(place: partition.title, kind: "ext4 with the feature \(name)"))
        }
      }
    }

    // MARK: Partitions

    /// Unpacks an ext file system into the tree.
    private func unpack(_ partition: DiskPartition, of disk: URL, to target: String, of tree: URL) async throws {
      try checkLength(partition)
      var partition = partition
      var disk = disk
      if try explained(partition, { try partition.fileSystem().needsRecovery }) {
        (partition, disk) = try await recovered(partition, of: disk)
      }
      do {
        try await tools.command(
          "e2fsck", ["-f", "-n", "\(disk.path)?offset=\(partition.region.start)"], to: "check \(partition.title)"
        ).run()
      } catch let failure as CommandFailure {
        throw damaged("the file system of \(partition.title) is damaged", failure)
      }
      let archive = scratch.appending(path: "partition-\(partition.number).tar")
      defer { unlink(archive.path) }
      try explained(partition) { try ExtArchive.write(try partition.fileSystem(), to: archive.path) }
      try await unpack(archive, to: target, of: tree)
    }

    /// Copies the disk and replays the journal of a partition, as mounting it would do.
    private func recovered(_ partition: DiskPartition, of disk: URL) async throws -> (DiskPartition, URL) {
      let copy = scratch.appending(path: "recovered-\(partition.number)")
      try await HostCommand(
        .copy, ["--sparse=always", "--reflink=auto", "--dereference", "--no-preserve=all", disk.path, copy.path],
        to: "copy \(image.path)"
      ).run()
      // Ignore the exit status, which also reports what e2fsck has changed.
      _ = try? await tools.command(
        "e2fsck", ["-y", "-E", "journal_only", "\(copy.path)?offset=\(partition.region.start)"],
        to: "replay the journal of \(partition.title)"
      ).run()
      let whole = try FileRange(copy)
      var partition = partition
      partition.region = whole.part(from: partition.region.start, size: partition.size)
      return (partition, copy)
    }

    /// Unpacks a FAT file system into the tree. All files belong to root, as on Linux.
    private func unpackFAT(_ partition: DiskPartition, to target: String, of tree: URL) async throws {
      try checkLength(partition)
      let archive = scratch.appending(path: "partition-\(partition.number).tar")
      defer { unlink(archive.path) }
      do {
        let region = partition.region
        try FATArchive.write(
          try FATFileSystem(length: region.size) { try region.read($0, $1) }, to: archive.path)
      } catch let failure as FATFileSystem.Failure {
        throw BaseFailure(image, .damaged("\(partition.title) is damaged: \(failure.reason)", said: ""))
      }
      try await unpack(archive, to: target, of: tree)
    }

    // MARK: Archives

    /// Maximum size of `/etc/fstab` in bytes.
    private static let tableLimit = 1 << 20

    /// Unpacks a tar archive into the tree.
    private func unpack(_ archive: URL, to target: String, of tree: URL) async throws {
      do {
        try await TreeArchive(archive, sandbox: sandbox).unpack(
          to: target, of: tree, purpose: "unpack \(image.lastPathComponent)")
      } catch let failure as CommandFailure {
        throw damaged("its archive cannot be unpacked", failure)
      }
    }

    /// Removes files that belong to the image's original disk and boot process.
    private func adapt(_ tree: URL) async throws {
      let table = try? ForeignTree(tree.path).content(of: "etc/fstab", limit: Self.tableLimit)
      let mounts = scratch.appending(path: "fstab")
      let text = MountTable(String(decoding: table ?? [], as: UTF8.self)).withoutDisk
      try FolderTree.replaceFile(mounts.path, with: text.utf8)
      try await sandbox.run(
        """
        \(TreeArchive.inTree)
        cd \(Sandbox.treePath)
        [ ! -f etc/fstab ] || ! in_tree "$PWD/etc/fstab" || cat \(TreeArchive.place) > etc/fstab
        # These were made for the image's original disk. Cultivar makes its own.
        ! in_tree "$PWD/boot" || rm -f boot/initrd.img-*
        """, root: .overlay(lower: [], upper: tree), place: .beside,
        bindings: [Sandbox.Binding(mounts, at: TreeArchive.place)], to: "adapt \(image.lastPathComponent)")
    }
  }
}
