import Glibc

/// Copies files, folders and symbolic links with their owners, modes and times.
public enum TreeCopy {
  /// Number of bytes to copy at once.
  private static let part = 1 << 18

  /// Copies a file, or a folder with its content. Devices and sockets are skipped.
  ///
  /// - Parameters:
  ///   - source: The path to copy. A symbolic link is copied as a link.
  ///   - target: The new path, which must not exist.
  /// - Throws: ``SystemError``.
  public static func copy(_ source: String, to target: String) throws(SystemError) {
    var status = stat()
    guard lstat(source, &status) == 0 else { throw SystemError("read", source) }
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      try check("make folder", target) { mkdir(target, 0o700) }
      for name in FileTree.names(in: source) { try copy("\(source)/\(name)", to: "\(target)/\(name)") }
    case S_IFREG:
      let from = try Descriptor(opening: source, O_RDONLY | O_NOFOLLOW)
      let to = try Descriptor(opening: target, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
      while let bytes = try from.read(atMost: part), !bytes.isEmpty { try to.write(all: bytes) }
    case S_IFLNK:
      var text = [CChar](repeating: 0, count: Int(PATH_MAX))
      guard readlink(source, &text, text.count - 1) >= 0 else { throw SystemError("read the link", source) }
      try check("make the link", target) { symlink(text, target) }
    default: return
    }
    try check("set the owner of", target) { lchown(target, status.st_uid, status.st_gid) }
    // A change of owner clears set-user-ID bits, so the mode is set afterwards.
    if status.st_mode & S_IFMT != S_IFLNK {
      try check("set the mode of", target) { chmod(target, status.st_mode & 0o7777) }
    }
    let times = [status.st_atim, status.st_mtim]
    try check("set the time of", target) { utimensat(AT_FDCWD, target, times, AT_SYMLINK_NOFOLLOW) }
  }
}
