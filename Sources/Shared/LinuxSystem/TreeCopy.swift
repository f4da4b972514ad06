import Glibc

/// Copies files, folders and links with their owners, modes and times.
public enum TreeCopy {
  /// Bytes that are copied at once.
  private static let part = 1 << 18

  /// Copies a file, or a folder with all that is in it; devices and sockets are left out.
  ///
  /// - Parameters:
  ///   - source: what is copied; a link is copied as a link.
  ///   - target: its place, where nothing is yet.
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
    // A change of owner takes bits away, so that the mode comes after it.
    if status.st_mode & S_IFMT != S_IFLNK {
      try check("set the mode of", target) { chmod(target, status.st_mode & 0o7777) }
    }
    let times = [status.st_atim, status.st_mtim]
    try check("set the time of", target) { utimensat(AT_FDCWD, target, times, AT_SYMLINK_NOFOLLOW) }
  }
}
