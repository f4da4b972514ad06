import FATFileSystem
import RootFilesystem

/// Writes what is in a FAT file system as a tar archive, as Linux shows it: all of it root's.
enum FATArchive {
  /// - Throws: `FATFileSystem.Failure`, `FileFailure`.
  static func write(_ fileSystem: FATFileSystem, to path: String) throws {
    var writer = try TarWriter(path)
    // The mount point has no time of its own in FAT.
    try writer.add(TarMember(Array("./".utf8), .folder, mode: 0o755, uid: 0, gid: 0, time: 315_532_800))
    try fileSystem.walk { place, entry in
      let name = Array("./\(place)\(entry.isFolder ? "/" : "")".utf8)
      let kind = entry.isFolder ? TarMember.Kind.folder : .file(size: Int64(entry.size))
      try writer.add(
        TarMember(name, kind, mode: entry.isFolder ? 0o755 : 0o644, uid: 0, gid: 0, time: entry.time))
      if !entry.isFolder { try fileSystem.forEachPiece(of: entry) { try writer.write($0) } }
    }
    try writer.finish()
  }
}
