import FoundationEssentials
import HostSystem

/// A file system that is being put together: what stands where, with owner and mode, and who brought it.
///
/// It is a description. Nothing is copied until it is written out as an archive, so neither root nor ownership on the
/// build host is needed, and the order is always the same.
public struct FileTree: Sendable {
  /// One file, folder, link or device node.
  public struct Entry: Sendable {
    /// What it is.
    public var kind: Kind
    /// Permission bits, with set-user-id, set-group-id and sticky.
    public var mode: UInt32
    /// Owner.
    public var uid: UInt32
    /// Group.
    public var gid: UInt32
    /// Who brought it, for messages: `package tzdata`, `program web`.
    public var origin: String
  }

  /// What an entry is.
  public enum Kind: Sendable {
    /// A folder.
    case folder
    /// A regular file.
    case file(Content)
    /// A symbolic link, with its target.
    case link(String)
    /// A character device, with its major and minor numbers.
    case characterDevice(major: UInt32, minor: UInt32)
  }

  /// Where a regular file's content is.
  public enum Content: Sendable {
    /// Here.
    case bytes([UInt8])
    /// In a file of the build host, of this many bytes.
    case host(path: String, size: Int64)
  }

  /// Entries by path, without a leading slash; the root itself is not among them.
  public private(set) var entries: [String: Entry] = [:]

  /// Folders of a merged `/usr` that are links, with their targets (Debian since bookworm).
  private static let mergedFolders = ["bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"]

  /// Makes an empty tree.
  public init() {}

  /// The paths in order: a folder comes before what is in it.
  public var paths: [String] { entries.keys.sorted() }

  /// Bytes of all regular files.
  public var contentSize: Int64 {
    entries.values.reduce(0) { sum, entry in
      guard case .file(let content) = entry.kind else { return sum }
      return sum + content.size
    }
  }

  /// Adds an entry, and the folders above it where they are missing.
  ///
  /// - Parameter path: With or without a leading slash; a path below `/bin`, `/sbin`, `/lib` or `/lib64` is the one
  ///   below `/usr`.
  /// - Throws: ``FileTreeConflict`` if something else stands there already. Two folders, and two entries that are the
  ///   same, are no conflict.
  public mutating func add(
    _ path: String, _ kind: Kind, mode: UInt32, uid: UInt32 = 0, gid: UInt32 = 0, from origin: String
  ) throws(FileTreeConflict) {
    let path = Self.normalised(path)
    guard !path.isEmpty else { return }
    try addParents(of: path, from: origin)
    let entry = Entry(kind: kind, mode: mode, uid: uid, gid: gid, origin: origin)
    guard let present = entries[path] else {
      entries[path] = entry
      return
    }
    switch (present.kind, kind) {
    case (.folder, .folder): return
    case (.link(let first), .link(let second)) where first == second: return
    case (.file(let first), .file(let second)) where first.isSame(as: second) && present.mode == mode: return
    default: throw FileTreeConflict(path: "/\(path)", first: present.origin, second: origin)
    }
  }

  /// Adds an entry in the place of whatever stands there; a folder and what is in it are not replaced.
  ///
  /// - Throws: ``FileTreeConflict`` if a folder stands there.
  public mutating func replace(
    _ path: String, _ kind: Kind, mode: UInt32, uid: UInt32 = 0, gid: UInt32 = 0, from origin: String
  ) throws(FileTreeConflict) {
    let path = Self.normalised(path)
    if let present = entries[path], case .folder = present.kind {
      throw FileTreeConflict(path: "/\(path)", first: present.origin, second: origin)
    }
    entries[path] = nil
    try add(path, kind, mode: mode, uid: uid, gid: gid, from: origin)
  }

  /// The entry at a path.
  public subscript(path: String) -> Entry? { entries[Self.normalised(path)] }

  /// Hash of the whole content: paths, kinds, modes, owners and bytes.
  ///
  /// - Throws: `FileFailure` if a file of the build host cannot be read.
  public func identity() throws -> ContentHash {
    var key = CacheKey("file-tree 1")
    for path in paths {
      guard let entry = entries[path] else { continue }
      key.add(path)
      key.add("\(entry.mode) \(entry.uid) \(entry.gid)")
      switch entry.kind {
      case .folder: key.add("folder")
      case .link(let target): key.add("link \(target)")
      case .characterDevice(let major, let minor): key.add("character \(major) \(minor)")
      case .file(.bytes(let bytes)): key.add(ContentHash(of: bytes))
      case .file(.host(let file, _)): key.add(try ContentHash(ofFile: file))
      }
    }
    return key.hash
  }

  private mutating func addParents(of path: String, from origin: String) throws(FileTreeConflict) {
    var parent = ""
    for part in path.split(separator: "/").dropLast() {
      parent += parent.isEmpty ? String(part) : "/\(part)"
      if let present = entries[parent] {
        guard case .folder = present.kind else {
          throw FileTreeConflict(path: "/\(parent)", first: present.origin, second: origin)
        }
      } else {
        entries[parent] = Entry(kind: .folder, mode: 0o755, uid: 0, gid: 0, origin: origin)
      }
    }
  }

  /// The path without slashes at its ends and with a merged `/usr`.
  static func normalised(_ path: String) -> String {
    var parts = path.split(separator: "/").filter { $0 != "." }.map(String.init)
    if let first = parts.first, let merged = mergedFolders[first] {
      // The folder itself stays: it is one of the links.
      if parts.count > 1 { parts.replaceSubrange(0...0, with: [merged]) }
    }
    return parts.joined(separator: "/")
  }

  /// Adds the links of a merged `/usr`.
  public mutating func addMergedUsr() throws(FileTreeConflict) {
    for (name, target) in Self.mergedFolders.sorted(by: { $0.key < $1.key }) {
      try add(target, .folder, mode: 0o755, from: "cultivar")
      try add(name, .link(target), mode: 0o777, from: "cultivar")
    }
  }
}

extension FileTree.Content {
  /// Length in bytes.
  public var size: Int64 {
    switch self {
    case .bytes(let bytes): Int64(bytes.count)
    case .host(_, let size): size
    }
  }

  /// The bytes.
  ///
  /// - Throws: `FileFailure` if the file of the build host cannot be read.
  public func bytes() throws(FileFailure) -> [UInt8] {
    switch self {
    case .bytes(let bytes): bytes
    case .host(let path, _): try FolderTree.readFile(path)
    }
  }

  /// Whether both have the same bytes; a file that cannot be read is the same as none.
  func isSame(as other: FileTree.Content) -> Bool {
    guard size == other.size else { return false }
    if case .host(let first, _) = self, case .host(let second, _) = other, first == second { return true }
    guard let first = try? hash(), let second = try? other.hash() else { return false }
    return first == second
  }

  private func hash() throws(FileFailure) -> ContentHash {
    switch self {
    case .bytes(let bytes): ContentHash(of: bytes)
    case .host(let path, _): try ContentHash(ofFile: path)
    }
  }
}

/// Two parts of an image bring different things to one path.
public struct FileTreeConflict: ExplainedError {
  /// The path in the image.
  public var path: String
  /// Who brought what stands there.
  public var first: String
  /// Who brought the other.
  public var second: String

  /// What was being done, and what was wrong.
  public var problem: String { "\(path) is brought by \(first) and, with other content, by \(second)" }
  /// What the user can do now.
  public var remedy: String? { "give one of them another path or name, or drop it" }
}
