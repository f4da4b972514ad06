import Glibc
import LinuxSystem

/// A small file system in a mount namespace of its own, which a test fills to the brim.
public struct FullFileSystem: Sendable {
  /// The kinds that there are.
  public enum Kind: String, CaseIterable, Sendable {
    /// A file system in memory: blocks and inodes are counted, and nothing else is.
    case memory
    /// ext4 as on devices, on a loop device, with one percent reserved for root.
    case ext4
  }

  /// True if this process may mount.
  public static let isPossible = geteuid() == 0 && FileTree.exists("/dev/loop-control")

  private let folder: String
  private static let size = 16 << 20
  private static let nodes = 64

  /// Does something with a new file system, on a thread of its own: nobody else sees the mount, and it goes with the thread.
  ///
  /// - Parameters:
  ///   - folder: The mount point.
  ///   - body: Is given what can fill it.
  public static func with<Value: Sendable>(
    _ kind: Kind, at folder: String, _ body: @escaping @Sendable (FullFileSystem) throws -> Value
  ) throws -> Value {
    try Background { () -> Result<Value, any Error> in
      Result {
        try NameSpaces.enter(.mount)
        try NameSpaces.makeMountsPrivate()
        try mount(kind, at: folder)
        defer { umount2(folder, Int32(MNT_DETACH)) }
        return try body(FullFileSystem(folder: folder))
      }
    }.wait().get()
  }

  private static func mount(_ kind: Kind, at folder: String) throws {
    switch kind {
    case .memory: try Mount.mount("tmpfs", from: "tmpfs", at: folder, options: "size=\(size),nr_inodes=\(nodes)")
    case .ext4:
      let image = "\(folder).img"
      try FileTree.replace(image, with: [])
      truncate(image, off_t(size))
      for command in [
        ["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "1", "-N", "\(nodes)", image],
        ["mount", "-o", "loop", image, folder],
      ] {
        let result = try ChildProcess.run(
          ProcessStart("/usr/bin/env", ["env"] + command, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]))
        guard result.end == .exited(0) else {
          throw SystemError(String(decoding: result.output, as: UTF8.self), command[0], code: EIO)
        }
      }
    }
  }

  /// Takes all inodes and all blocks, those for root as well.
  ///
  /// - Throws: If a file can still be created or written after that.
  public func fill() throws {
    let place = folder + "/junk"
    try FileTree.makeFolders(place)
    let file = try Descriptor(opening: place + "/bytes", O_WRONLY | O_CREAT)
    var number = 0
    while (try? Descriptor(opening: "\(place)/\(number)", O_WRONLY | O_CREAT)) != nil { number += 1 }
    for size in [1 << 16, 4096, 1] {
      let bytes = [UInt8](repeating: 1, count: size)
      while (try? file.write(all: bytes)) != nil {}
      // Delayed allocations are written now.
      fsync(file.number)
    }
    guard (try? file.write(all: [1])) == nil, (try? FileTree.replace(folder + "/another", with: [1])) == nil else {
      throw SystemError("fill", folder, code: EAGAIN)
    }
  }
}
