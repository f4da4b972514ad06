import FoundationEssentials
import Hashing
import HostSystem

/// The description of a file system in preparation: paths with owner, mode and origin.
///
/// Nothing is copied until the tree is written as an archive. So neither root nor ownership on the build host is
/// needed, and the order is always the same.
public struct FileTree: Sendable {
  /// One file, folder, link or device node.
  public struct Entry: Sendable {
    public var kind: Kind
    /// Permission bits, including set-user-ID, set-group-ID and sticky.
    public var mode: UInt32
    /// Number of the owner.
    public var uid: UInt32
    /// Number of the group.
    public var gid: UInt32
    /// The part of the build that added the entry, for messages: `package tzdata`, `program web`.
    public var origin: String
  }

  /// The type of an entry.
  public enum Kind: Sendable {
    case folder
    case file(Content)
    /// A symbolic link with its target.
    case link(String)
    /// A character device with its major and minor numbers.
    case characterDevice(major: UInt32, minor: UInt32)
  }

  /// The source of a regular file's content.
  public enum Content: Sendable {
    /// Bytes in memory.
    case bytes([UInt8])
    /// A file of the build host, with its size in bytes.
    case host(path: String, size: Int64)
  }

  /// Entries by path, without a leading slash. The root itself is not included.
  public private(set) var entries: [String: Entry] = [:]

  /// Folders of a merged `/usr` that are links, with their targets (Debian since bookworm).
  private static let mergedFolders = ["bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"]

  public init() {}

  /// The paths in order: a folder comes before its content.
  public var paths: [String] { entries.keys.sorted() }

  /// Total size of all regular files in bytes.
  public var contentSize: Int64 {
    entries.values.reduce(0) { sum, entry in
      guard case .file(let content) = entry.kind else { return sum }
      return sum + content.size
    }
  }

  /// Adds an entry and the missing folders above it.
  ///
  /// - Parameter path: Path with or without a leading slash. A path below `/bin`, `/sbin`, `/lib` or `/lib64` is moved
  ///   below `/usr`.
  /// - Throws: ``FileTreeConflict`` if another entry exists at the path. Two folders, or two equal entries, are not a
  ///   conflict.
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

  /// Adds an entry, and replaces an existing one that is not a folder.
  ///
  /// - Throws: ``FileTreeConflict`` if the existing entry is a folder.
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

  public subscript(path: String) -> Entry? { entries[Self.normalised(path)] }

  /// Hash of all content: paths, types, modes, owners and bytes.
  ///
  /// - Throws: `FileFailure` if a file of the build host cannot be read.
  public func identity() throws -> Digest {
    var key = CacheKey("file-tree 1")
    for path in paths {
      guard let entry = entries[path] else { continue }
      key.add(path)
      key.add("\(entry.mode) \(entry.uid) \(entry.gid)")
      switch entry.kind {
      case .folder: key.add("folder")
      case .link(let target): key.add("link \(target)")
      case .characterDevice(let major, let minor): key.add("character \(major) \(minor)")
      case .file(.bytes(let bytes)): key.add(Digest(of: bytes))
      case .file(.host(let file, _)): key.add(try Digest(ofFile: file))
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

  /// The path without slashes at its ends, moved below `/usr` if its first folder is merged.
  static func normalised(_ path: String) -> String {
    var parts = path.split(separator: "/").filter { $0 != "." }.map(String.init)
    if let first = parts.first, let merged = mergedFolders[first] {
      // Keep the path of the folder itself, which is a link.
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

  /// Returns the content.
  ///
  /// - Throws: `FileFailure` if the file of the build host cannot be read.
  public func bytes() throws(FileFailure) -> [UInt8] {
    switch self {
    case .bytes(let bytes): bytes
    case .host(let path, _): try FolderTree.readFile(path)
    }
  }

  /// True if both have the same bytes. False if a file cannot be read.
  func isSame(as other: FileTree.Content) -> Bool {
    guard size == other.size else { return false }
    if case .host(let first, _) = self, case .host(let second, _) = other, first == second { return true }
    guard let first = try? hash(), let second = try? other.hash() else { return false }
    return first == second
  }

  private func hash() throws(FileFailure) -> Digest {
    switch self {
    case .bytes(let bytes): Digest(of: bytes)
    case .host(let path, _): try Digest(ofFile: path)
    }
  }
}

/// An error for two parts of an image that add different entries at one path.
public struct FileTreeConflict: ExplainedError {
  /// The path in the image.
  public var path: String
  /// Origin of the existing entry.
  public var first: String
  /// Origin of the other entry.
  public var second: String

  public var problem: String { "\(first) and \(second) both contain \(path), with different content" }
  public var remedy: String? { "give one of them another path or name, or remove it" }
}
