import FoundationEssentials
import HostSystem

/// What a root file system is made from.
public enum RootSource: Sendable {
  /// A description of each file.
  case tree(FileTree)
  /// A tar archive, which may still be being written: its file, the hash of what it was made of, bytes of its files, and how many
  /// entries it has.
  case archive(GrowingFile, identity: ContentHash, contentSize: Int64, entries: Int)

  /// Hash of all that is in it.
  ///
  /// - Throws: `FileFailure` if a file of a tree cannot be read.
  public func identity() throws -> ContentHash {
    switch self {
    case .tree(let tree): try tree.identity()
    case .archive(_, let identity, _, _): identity
    }
  }

  /// Bytes of all files.
  public var contentSize: Int64 {
    switch self {
    case .tree(let tree): tree.contentSize
    case .archive(_, _, let size, _): size
    }
  }

  /// A tar archive of it: the one that there is, or one that is written to a path, where the caller removes it.
  ///
  /// - Parameters:
  ///   - path: Where an archive of a description goes.
  ///   - time: Time of what is described, in seconds since 1970.
  /// - Returns: The archive.
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
