import FoundationEssentials
import Glibc
import Hashing
import enum LinuxSystem.ExtendedAttributes

/// Creation of folders, and replacement of files so that a reader sees the old content or the new.
public enum FolderTree {
  /// Creates a folder and its missing parents. An existing folder is not changed.
  ///
  /// - Throws: ``FileFailure``.
  public static func create(_ path: String) throws(FileFailure) {
    var status = stat()
    guard stat(path, &status) != 0 else {
      if status.st_mode & S_IFMT == S_IFDIR { return }
      throw FileFailure("create the folder", path, reason: String(cString: strerror(ENOTDIR)))
    }
    if mkdir(path, 0o777) == 0 { return }
    if errno == ENOENT {
      let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
      if parent != path { try create(parent) }
      if mkdir(path, 0o777) == 0 { return }
    }
    // Another build may have created it in the meantime.
    guard errno == EEXIST else { throw .last("create the folder", path) }
  }

  /// Removes from a folder the access control lists that it inherited (`acl(5)`). They would change the modes of new
  /// files.
  ///
  /// - Throws: ``FileFailure``.
  public static func dropInheritedRights(of folder: String) throws(FileFailure) {
    for name in ["system.posix_acl_default", "system.posix_acl_access"] {
      do {
        try ExtendedAttributes.remove(name, of: folder)
      } catch {
        throw FileFailure("remove the access control list of", folder, reason: String(cString: strerror(error.code)))
      }
    }
  }

  /// Returns the names of a folder's entries, sorted.
  ///
  /// - Throws: ``FileFailure``.
  public static func names(in folder: String) throws(FileFailure) -> [String] {
    guard let stream = opendir(folder) else { throw .last("read the folder", folder) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Replaces a file by a temporary file and a rename. A power cut leaves the old content or the new, never a part.
  ///
  /// - Throws: ``FileFailure``.
  public static func replaceFile(_ path: String, with bytes: some Sequence<UInt8>) throws(FileFailure) {
    let temporary = "\(path).\(getpid()).new"
    // The path may be a file or link that an earlier process, or another user, left there. It must not be written to.
    unlink(temporary)
    do throws(FileFailure) {
      try write(bytes, to: temporary, isSynced: true)
      guard rename(temporary, path) == 0 else { throw .last("write", path) }
    } catch {
      unlink(temporary)
      throw error
    }
  }

  /// Writes a file without syncing it. It is for files that no later build uses, or whose folder gets its name later.
  ///
  /// - Throws: ``FileFailure``.
  public static func writeFile(_ path: String, with bytes: some Sequence<UInt8>) throws(FileFailure) {
    try write(bytes, to: path, isSynced: false)
  }

  private static func write(
    _ bytes: some Sequence<UInt8>, to path: String, isSynced: Bool
  ) throws(FileFailure) {
    let descriptor = open(path, O_WRONLY | O_CREAT | (isSynced ? O_EXCL : O_TRUNC) | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .last("write", path) }
    defer { close(descriptor) }
    var failure: FileFailure?
    let content = Array(bytes)
    content.withUnsafeBytes { buffer in
      var offset = 0
      while offset < buffer.count {
        let count = Glibc.write(descriptor, buffer.baseAddress?.advanced(by: offset), buffer.count - offset)
        if count < 0 {
          if errno == EINTR { continue }
          failure = .last("write", path)
          return
        }
        offset += count
      }
    }
    if failure == nil, isSynced, fsync(descriptor) != 0 { failure = .last("write", path) }
    guard let failure else { return }
    // A part of a file is of no use to anyone, and takes room on a full disk.
    var status = stat()
    if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG { unlink(path) }
    throw failure
  }

  /// Returns the size of a file in bytes.
  ///
  /// - Throws: ``FileFailure``.
  public static func fileSize(_ path: String) throws(FileFailure) -> Int64 {
    var status = stat()
    guard stat(path, &status) == 0 else { throw .last("read", path) }
    return Int64(status.st_size)
  }

  /// Reads a whole file.
  ///
  /// - Throws: ``FileFailure``.
  public static func readFile(_ path: String) throws(FileFailure) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last("read", path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .last("read", path) }
    // Files that the kernel generates, as in /proc, report no size. They are read until their end.
    var bytes = [UInt8](repeating: 0, count: max(Int(status.st_size) + 1, 4096))
    var length = 0
    while true {
      if length == bytes.count { bytes += [UInt8](repeating: 0, count: bytes.count) }
      let count = bytes.withUnsafeMutableBytes {
        read(descriptor, $0.baseAddress?.advanced(by: length), $0.count - length)
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw .last("read", path)
      }
      if count == 0 { break }
      length += count
    }
    return Array(bytes.prefix(length))
  }
}

extension FolderTree {
  /// Computes the hash of a file, link or folder with its content: names, kinds, execute permission and contents.
  ///
  /// Times and owners do not count. A special file counts by its type only.
  ///
  /// - Parameter entries: Closure that returns the names of the entries that count in a folder.
  /// - Throws: ``FileFailure``.
  public static func identity(
    of path: String, entries: (_ folder: String) throws(FileFailure) -> [String] = names(in:)
  ) throws(FileFailure) -> Digest {
    var key = CacheKey("folder 2")
    try add(path, entries: entries, to: &key)
    return key.hash
  }

  private static func add(
    _ path: String, entries: (_ folder: String) throws(FileFailure) -> [String], to key: inout CacheKey
  ) throws(FileFailure) {
    var status = stat()
    guard lstat(path, &status) == 0 else { throw .last("read", path) }
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      let names = try entries(path)
      key.add(["folder"] + names)
      for name in names { try add("\(path)/\(name)", entries: entries, to: &key) }
    case S_IFLNK:
      var target = [CChar](repeating: 0, count: Int(PATH_MAX))
      guard readlink(path, &target, target.count - 1) >= 0 else { throw .last("read the link", path) }
      key.add(["link", String(decoding: target.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)])
    case S_IFREG:
      key.add([status.st_mode & 0o111 == 0 ? "file" : "program", try Digest(ofFile: path).text])
    default:
      // Not read: reading a FIFO would wait for its writer.
      key.add("special \(status.st_mode & S_IFMT)")
    }
  }
}
