import Hashing
import HostSystem
import RootFilesystem

/// Computes hashes of the regular files in a tar archive.
enum ArchiveHashes {
  /// Reads an archive from front to back.
  ///
  /// - Returns: Hashes by path, without a leading `./`. A hard link has the hash of its file.
  /// - Throws: `FileFailure`, also if the archive ends early.
  static func read(_ path: String) throws(FileFailure) -> [Substring: Digest] {
    var hashes: [Substring: Digest] = [:]
    var hasher = DigestStream()
    func name(_ bytes: [UInt8]) -> Substring { Substring(decoding: bytes, as: UTF8.self) }
    try TarReader.read(path) { member in
      hasher = DigestStream()
      if member.kind == UInt8(ascii: "1") { hashes[name(member.path)] = hashes[name(member.target)] }
    } piece: {
      hasher.add($0)
    } end: { member in
      if member.kind == UInt8(ascii: "0") || member.kind == 0 { hashes[name(member.path)] = hasher.digest }
    }
    return hashes
  }
}
