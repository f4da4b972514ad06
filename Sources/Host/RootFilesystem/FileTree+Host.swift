import FoundationEssentials
import Glibc
import HostSystem

extension FileTree {
  /// Adds a file of the build host.
  ///
  /// - Parameter mode: Permission bits; `nil` for 0755 if the file is executable, otherwise 0644.
  /// - Throws: `FileFailure`, ``FileTreeConflict``.
  public mutating func addFile(
    _ path: String, from file: String, mode: UInt32? = nil, uid: UInt32 = 0, gid: UInt32 = 0, origin: String
  ) throws {
    var status = stat()
    guard stat(file, &status) == 0 else { throw FileFailure.last("read", file) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw FileFailure("read", file, reason: "it is not a regular file")
    }
    let bits = mode ?? (status.st_mode & 0o111 != 0 ? 0o755 : 0o644)
    try add(
      path, .file(.host(path: file, size: Int64(status.st_size))), mode: bits, uid: uid, gid: gid, from: origin)
  }

  /// Adds the content of a folder of the build host, except paths that the filter excludes.
  ///
  /// - Parameters:
  ///   - prefix: Path in the tree for the folder's content; empty for the root.
  ///   - isWanted: Returns false for a path, relative to the folder, to exclude. All content of an excluded folder is
  ///     excluded too.
  ///   - keepModes: True to keep permission bits (packages). False to set them to 0755 or 0644 (files of a project,
  ///     whose modes depend on the umask of the user who checked it out).
  /// - Throws: `FileFailure`, ``FileTreeConflict``.
  public mutating func addFolder(
    _ folder: String, at prefix: String = "", keepModes: Bool, origin: String,
    isWanted: (String) -> Bool = { _ in true }
  ) throws {
    for name in try FolderTree.names(in: folder) {
      try addItem(
        "\(folder)/\(name)", relative: name, at: prefix, keepModes: keepModes, origin: origin, isWanted: isWanted)
    }
  }

  private mutating func addItem(
    _ item: String, relative: String, at prefix: String, keepModes: Bool, origin: String,
    isWanted: (String) -> Bool
  ) throws {
    guard isWanted(relative) else { return }
    var status = stat()
    guard lstat(item, &status) == 0 else { throw FileFailure.last("read", item) }
    let target = prefix.isEmpty ? relative : "\(prefix)/\(relative)"
    let bits = UInt32(status.st_mode & 0o7777)
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      try add(target, .folder, mode: keepModes ? bits : 0o755, from: origin)
      for name in try FolderTree.names(in: item) {
        try addItem(
          "\(item)/\(name)", relative: "\(relative)/\(name)", at: prefix, keepModes: keepModes, origin: origin,
          isWanted: isWanted)
      }
    case S_IFLNK:
      let link = try Self.linkTarget(item)
      try add(target, .link(link), mode: 0o777, from: origin)
    case S_IFREG:
      let plain: UInt32 = bits & 0o111 != 0 ? 0o755 : 0o644
      try add(
        target, .file(.host(path: item, size: Int64(status.st_size))), mode: keepModes ? bits : plain, from: origin)
    default:
      throw FileFailure("copy", item, reason: "it is not a file, a folder or a link")
    }
  }

  private static func linkTarget(_ path: String) throws(FileFailure) -> String {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes { bytes -> Int in
      guard let start = bytes.assumingMemoryBound(to: CChar.self).baseAddress else { return -1 }
      return readlink(path, start, bytes.count)
    }
    guard count >= 0 else { throw .last("read the link", path) }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }
}
