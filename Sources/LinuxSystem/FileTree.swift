import CLinuxSystem
import Glibc

/// Files and folders by path: the few things that the device does with them.
public enum FileTree {
  /// Reads a file; files of `/proc` and `/sys`, which do not tell their size, as well.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - limit: bytes after which reading stops.
  /// - Throws: ``SystemError``.
  public static func read(_ path: String, limit: Int = 64 << 20) throws(SystemError) -> [UInt8] {
    let file = try Descriptor(opening: path, O_RDONLY)
    var bytes: [UInt8] = []
    while bytes.count < limit, let part = try file.read(atMost: min(65_536, limit - bytes.count)), !part.isEmpty {
      bytes += part
    }
    return bytes
  }

  /// Reads a small text without the white space around it; `nil` where it cannot be read.
  public static func line(_ path: String) -> String? {
    guard let bytes = try? read(path, limit: 65_536) else { return nil }
    return String(decoding: bytes.trimmingSpace, as: UTF8.self)
  }

  /// Asks the kernel to read a file ahead, without waiting; a wish that cannot be met is none.
  public static func readAhead(_ path: String) {
    guard let file = try? Descriptor(opening: path, O_RDONLY) else { return }
    _ = posix_fadvise(file.number, 0, 0, POSIX_FADV_WILLNEED)
  }

  /// Writes to a file that is there, as in `/proc` and `/sys`.
  public static func write(_ text: String, to path: String) throws(SystemError) {
    try Descriptor(opening: path, O_WRONLY).write(all: Array(text.utf8))
  }

  /// Replaces a file so that after a power cut it is the old one or the new one, whole.
  ///
  /// The new bytes are synchronised before the name moves to them, and the folder after it. A cut leaves a file with
  /// the suffix `.new`, which the next writing replaces.
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

  /// Gives a file another name, in place of what has that name. The folder is not synchronised.
  public static func rename(_ path: String, to other: String) throws(SystemError) {
    try check("rename", path) { Glibc.rename(path, other) }
  }

  /// Exchanges the names of two files of one file system, at once. The folders are not synchronised.
  public static func exchange(_ path: String, _ other: String) throws(SystemError) {
    try check("exchange \(path) and", other) { cultivar_exchange(path, other) }
  }

  /// Makes a folder, with those above it.
  public static func makeFolders(_ path: String, mode: mode_t = 0o755) throws(SystemError) {
    if isFolder(path) { return }
    let above = parent(of: path)
    if above != path { try makeFolders(above) }
    if mkdir(path, mode) < 0, errno != EEXIST { throw SystemError("make folder", path) }
  }

  /// Names in a folder, sorted; empty where it cannot be read.
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

  /// Whether something has the path.
  public static func exists(_ path: String) -> Bool {
    access(path, F_OK) == 0
  }

  /// Whether the path, without following a link, is a folder.
  public static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Removes what is below `path`, never crossing into another file system; what cannot be removed stays.
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

  /// The folder that holds `path`.
  public static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}

extension Collection where Element == UInt8 {
  /// The bytes without spaces, tabs, line ends and zeros around them.
  public var trimmingSpace: [UInt8] {
    func isSpace(_ byte: UInt8) -> Bool { byte <= 0x20 }
    return Array(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
  }
}
