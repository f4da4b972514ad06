import FATFileSystem
import RootFilesystem

/// Writes the content of a FAT file system as a tar archive. All files belong to root, as on Linux.
enum FATArchive {
  /// Writes the archive.
  ///
  /// - Throws: `FATFileSystem.Failure`, `FileFailure`.
  static func write(_ fileSystem: FATFileSystem, to path: String) throws {
    var writer = try TarWriter(path)
    // FAT stores no time for its root folder. Use 1980-01-01, the first day that FAT can store.
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
