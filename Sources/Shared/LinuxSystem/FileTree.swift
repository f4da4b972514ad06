import CLinuxSystem
import Glibc

/// Operations on files and folders by path.
public enum FileTree {
  /// Reads a file. Also works for files in `/proc` and `/sys`, which do not report their size.
  ///
  /// - Parameters:
  ///   - path: Path of the file.
  ///   - limit: Maximum bytes to read. Further bytes are ignored.
  /// - Throws: ``SystemError``.
  public static func read(_ path: String, limit: Int = 64 << 20) throws(SystemError) -> [UInt8] {
    let file = try Descriptor(opening: path, O_RDONLY)
    var bytes: [UInt8] = []
    while bytes.count < limit, let part = try file.read(atMost: min(65_536, limit - bytes.count)), !part.isEmpty {
      bytes += part
    }
    return bytes
  }

  /// Reads a small text file and trims white space at both ends; `nil` if it cannot be read.
  public static func line(_ path: String) -> String? {
    guard let bytes = try? read(path, limit: 65_536) else { return nil }
    return String(decoding: bytes.trimmingSpace, as: UTF8.self)
  }

  /// Asks the kernel to read a file ahead, without waiting. Errors are ignored.
  public static func readAhead(_ path: String) {
    guard let file = try? Descriptor(opening: path, O_RDONLY) else { return }
    _ = posix_fadvise(file.number, 0, 0, POSIX_FADV_WILLNEED)
  }

  /// Writes to an existing file, as in `/proc` and `/sys`.
  public static func write(_ text: String, to path: String) throws(SystemError) {
    try Descriptor(opening: path, O_WRONLY).write(all: Array(text.utf8))
  }

  /// Replaces a file atomically: after a power cut, it is either the old or the new one.
  ///
  /// The new file is synced before it is renamed, then the folder is synced. A power cut may leave a file with the
  /// suffix `.new`, which the next replacement overwrites.
  public static func replace(_ path: String, with bytes: [UInt8], mode: mode_t = 0o644) throws(SystemError) {
    let temporary = path + ".new"
    do {
      let file = try Descriptor(opening: temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: mode)
      do throws(SystemError) {
        try file.write(all: bytes)
        try file.synchronise()
      } catch {
        throw SystemError("write", path, code: error.code)
      }
    }
    try rename(temporary, to: path)
    try Descriptor(opening: parent(of: path), O_RDONLY | O_DIRECTORY).synchronise()
  }

  /// Renames a file, and replaces an existing file of that name. Does not sync the folder.
  public static func rename(_ path: String, to other: String) throws(SystemError) {
    try check("rename", path) { Glibc.rename(path, other) }
  }

  /// Exchanges the names of two files of one file system atomically. Does not sync the folders.
  public static func exchange(_ path: String, _ other: String) throws(SystemError) {
    try check("exchange \(path) and", other) { cultivar_exchange(path, other) }
  }

  /// Creates a folder and its missing parents.
  public static func makeFolders(_ path: String, mode: mode_t = 0o755) throws(SystemError) {
    if isFolder(path) { return }
    let above = parent(of: path)
    if above != path { try makeFolders(above) }
    if mkdir(path, mode) < 0, errno != EEXIST { throw SystemError("make folder", path) }
  }

  /// Lists the names in a folder, sorted; empty if the folder cannot be read.
  public static func names(in path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// True if the path exists.
  public static func exists(_ path: String) -> Bool {
    access(path, F_OK) == 0
  }

  /// True if the path is a folder and not a symbolic link.
  public static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Removes everything below `path` on the same file system. Entries that cannot be removed are skipped.
  public static func removeContents(of path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    removeContents(of: path, onDevice: status.st_dev)
  }

  private static func removeContents(of path: String, onDevice device: dev_t) {
    for name in names(in: path) {
      let entry = (path == "/" ? "" : path) + "/" + name
      var status = stat()
      guard lstat(entry, &status) == 0, status.st_dev == device else { continue }
      if status.st_mode & S_IFMT == S_IFDIR {
        removeContents(of: entry, onDevice: device)
        rmdir(entry)
      } else {
        unlink(entry)
      }
    }
  }

  /// The parent folder of `path`.
  public static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}

extension Collection where Element == UInt8 {
  /// The bytes without spaces, control characters and zeros at both ends.
  public var trimmingSpace: [UInt8] {
    func isSpace(_ byte: UInt8) -> Bool { byte <= 0x20 }
    return Array(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
  }
}
