import Hexadecimal
import HostSystem

/// Writes a tree as a cpio archive in the "newc" format, which the kernel unpacks to the initial RAM file system
/// (Documentation/driver-api/early-userspace/buffer-format.rst).
public enum CpioArchive {
  /// Writes the archive. Its bytes depend only on the tree and the time.
  ///
  /// - Parameters:
  ///   - tree: The content.
  ///   - path: Path on the build host.
  ///   - time: Modification time of every entry, in seconds since 1970.
  /// - Throws: `FileFailure`.
  public static func write(_ tree: FileTree, to path: String, time: Int64) throws(FileFailure) {
    var file = try OutputFile(path)
    var inode: UInt32 = 1
    for path in tree.paths {
      guard let entry = tree[path] else { continue }
      var body = FileTree.Content.bytes([])
      var type: UInt32
      var device: (UInt32, UInt32) = (0, 0)
      switch entry.kind {
      case .folder: type = 0o040_000
      case .link(let target):
        type = 0o120_000
        body = .bytes(Array(target.utf8))
      case .file(let content):
        type = 0o100_000
        body = content
      case .characterDevice(let major, let minor):
        type = 0o020_000
        device = (major, minor)
      }
      type |= entry.mode & 0o7777
      try file.write(
        header(
          name: path, inode: inode, mode: type, entry: entry, time: time, size: UInt32(body.size), device: device))
      try file.pad(to: 4)
      try file.write(body)
      try file.pad(to: 4)
      inode += 1
    }
    let last = FileTree.Entry(kind: .folder, mode: 0, uid: 0, gid: 0, origin: "")
    try file.write(header(name: "TRAILER!!!", inode: 0, mode: 0, entry: last, time: 0, size: 0, device: (0, 0)))
    try file.pad(to: 512)
    try file.flush()
  }

  private static func header(
    name: String, inode: UInt32, mode: UInt32, entry: FileTree.Entry, time: Int64, size: UInt32,
    device: (UInt32, UInt32)
  ) -> [UInt8] {
    let fields: [UInt32] = [
      inode, mode, entry.uid, entry.gid, 1, UInt32(truncatingIfNeeded: time), size, 0, 0, device.0, device.1,
      UInt32(name.utf8.count + 1), 0,
    ]
    return Array(("070701" + fields.map(\.hexadecimal).joined()).utf8) + Array(name.utf8) + [0]
  }
}
