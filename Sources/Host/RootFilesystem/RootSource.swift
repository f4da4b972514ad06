import FoundationEssentials
import Hashing
import HostSystem

/// The source of a root file system.
public enum RootSource: Sendable {
  /// A description of all files.
  case tree(FileTree)
  /// A tar archive, which may still be growing, with the hash of its sources, the total size of its files in bytes, and
  /// the number of its entries.
  case archive(GrowingFile, identity: Digest, contentSize: Int64, entries: Int)

  /// Hash of all content.
  ///
  /// - Throws: `FileFailure` if a file of a tree cannot be read.
  public func identity() throws -> Digest {
    switch self {
    case .tree(let tree): try tree.identity()
    case .archive(_, let identity, _, _): identity
    }
  }

  /// Total size of all files in bytes.
  public var contentSize: Int64 {
    switch self {
    case .tree(let tree): tree.contentSize
    case .archive(_, _, let size, _): size
    }
  }

  /// A tar archive of the root: the existing one, or one that is written to `path`. The caller removes the latter.
  ///
  /// - Parameters:
  ///   - path: Path for an archive of a tree.
  ///   - time: Timestamp of a tree's entries, in seconds since 1970.
  /// - Throws: `FileFailure`.
  public func archive(at path: String, time: Int64) throws -> GrowingFile {
    switch self {
    case .archive(let file, _, _, _): return file
    case .tree(let tree):
      try TarArchive.write(tree, to: path, time: time)
      return GrowingFile(complete: path)
    }
  }
}
