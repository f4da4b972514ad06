import ExtFileSystem
import RootFilesystem

/// Writes the content of an ext file system as a tar archive, with owners, modes, links, times and attributes.
///
/// Leaves out device nodes and sockets: the kernel of a device makes its own nodes, and only root could unpack them.
enum ExtArchive {
  /// Writes the archive.
  ///
  /// - Throws: `ExtFailure`, `FileFailure`.
  static func write(_ fileSystem: ExtFileSystem, to path: String) throws {
    var writer = try TarWriter(path)
    var names: [UInt32: [UInt8]] = [:]
    // Limit the sizes of files: holes take no space in the image, but their zeros would fill the cache's disk.
    var rest = max(fileSystem.size, 1 << 30) * 4
    try add(try fileSystem.root, as: Array("./".utf8), .folder, of: fileSystem, to: &writer)
    try fileSystem.walk { place, inode in
      let name = Array("./".utf8) + place
      if let first = names[inode.number] {
        try writer.add(
          TarMember(name, .hardLink(to: first), mode: inode.mode, uid: inode.uid, gid: inode.gid, time: inode.time))
        return
      }
      if inode.links > 1, inode.kind != .folder { names[inode.number] = name }
      switch inode.kind {
      case .folder: try add(inode, as: name + [UInt8(ascii: "/")], .folder, of: fileSystem, to: &writer)
      case .link:
        try add(inode, as: name, .symbolicLink(to: try fileSystem.target(of: inode)), of: fileSystem, to: &writer)
      case .pipe: try add(inode, as: name, .pipe, of: fileSystem, to: &writer)
      case .file:
        guard inode.size <= rest else {
          throw ExtFailure.damaged("its files are several times as large as the file system")
        }
        rest -= inode.size
        try add(inode, as: name, .file(size: Int64(inode.size)), of: fileSystem, to: &writer)
        try fileSystem.forEachPiece(of: inode) { try writer.write($0) }
      case .device, .socket: names[inode.number] = nil
      case .unknown: throw ExtFailure.damaged("the inode \(inode.number) has an unknown type")
      }
    }
    try writer.finish()
  }

  private static func add(
    _ inode: ExtInode, as name: [UInt8], _ kind: TarMember.Kind, of fileSystem: ExtFileSystem,
    to writer: inout TarWriter
  ) throws {
    var member = TarMember(name, kind, mode: inode.mode, uid: inode.uid, gid: inode.gid, time: inode.time)
    member.attributes = try fileSystem.attributes(of: inode)
    try writer.add(member)
  }
}
