import Glibc
import LinuxSystem

/// A small file that can be replaced as a whole while its file system is full, of blocks and of inodes.
///
/// Two files of one size stand side by side, the content padded to that size, all their blocks written once: the file, and a spare with the
/// suffix `.spare`. New content is written over the spare in place and synchronised; then both exchange their names (`renameat2(2)`,
/// `RENAME_EXCHANGE`). None of these steps takes a block or an inode. A power cut leaves the old content or the new one under the file's
/// name; it may tear the spare, which nobody reads.
public struct ReservedFile {
  /// The path.
  public let path: String
  /// Maximum size of the content in bytes, and the size of both files.
  public let capacity: Int
  private let mode: mode_t

  /// Describes a file without reading or writing it.
  ///
  /// - Parameters:
  ///   - capacity: Maximum size of the content in bytes.
  ///   - mode: Permissions of both files.
  public init(_ path: String, capacity: Int, mode: mode_t = 0o644) {
    self.path = path
    self.capacity = capacity
    self.mode = mode
  }

  private var spare: String { path + ".spare" }

  /// The content, and line feeds after it up to the capacity.
  ///
  /// If another process replaces the content during the read, it is read again: the open file is then the spare, and may be
  /// overwritten.
  ///
  /// - Throws: `SystemError`.
  public func read() throws(SystemError) -> [UInt8] {
    while true {
      let file = try Descriptor(opening: path, O_RDONLY)
      let before = Self.state(file)
      // A file that other software has written may be longer.
      let bytes = try file.read(max(capacity, before?.size ?? 0), at: 0)
      let after = try? Descriptor(opening: path, O_RDONLY)
      if let before, let after, Self.state(after) == before { return bytes }
    }
  }

  /// Reserves room for both files. A missing file is created empty.
  ///
  /// - Throws: `SystemError` if there is no room.
  public func reserve() throws(SystemError) {
    if !FileTree.exists(path) {
      try replace(with: [])
    } else if !Self.hasRoom(path, capacity) {
      // Earlier software wrote it: its content moves into a file with room. One that is too long stays, and is replaced by the next content.
      let content = try FileTree.read(path, limit: capacity + 1)
      if content.count <= capacity { try replace(with: content) }
    }
    if !Self.hasRoom(spare, capacity) { try makeSpare(Self.padded([], capacity)) }
  }

  /// Replaces the content. After ``reserve()``, this needs no room.
  ///
  /// - Throws: `SystemError`; `EFBIG` for more bytes than the capacity. The content is the old one then.
  public func replace(with bytes: [UInt8]) throws(SystemError) {
    guard bytes.count <= capacity else { throw SystemError("write", path, code: EFBIG) }
    let content = Self.padded(bytes, capacity)
    if Self.hasRoom(spare, capacity) {
      let file = try Descriptor(opening: spare, O_WRONLY | O_NOFOLLOW)
      try file.write(all: content, at: 0)
      try file.synchronise()
    } else {
      try makeSpare(content)
    }
    if FileTree.exists(path) {
      try FileTree.exchange(spare, path)
    } else {
      try FileTree.rename(spare, to: path)
    }
    try Descriptor(opening: FileTree.parent(of: path), O_RDONLY | O_DIRECTORY).synchronise()
    // The content is kept already. Without room for a spare the next replacement needs some, and says so.
    if !Self.hasRoom(spare, capacity) { try? makeSpare(content) }
  }

  private func makeSpare(_ content: [UInt8]) throws(SystemError) {
    do throws(SystemError) {
      let file = try Descriptor(opening: spare, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: mode)
      try file.write(all: content, at: 0)
      try file.synchronise()
    } catch {
      unlink(spare)
      throw SystemError("write", path, code: error.code)
    }
  }

  private static func padded(_ bytes: [UInt8], _ count: Int) -> [UInt8] {
    bytes + [UInt8](repeating: UInt8(ascii: "\n"), count: count - bytes.count)
  }

  /// True if a file has the size, and blocks for all of it.
  private static func hasRoom(_ path: String, _ capacity: Int) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && Int(status.st_size) == capacity
      && Int(status.st_blocks) * 512 >= capacity
  }

  /// The attributes that change when a file is replaced or written to.
  private struct State: Equatable {
    var number: UInt
    var size: Int
    var changed: [Int]
  }

  private static func state(_ file: Descriptor) -> State? {
    var status = stat()
    guard fstat(file.number, &status) == 0 else { return nil }
    return State(
      number: UInt(status.st_ino), size: Int(status.st_size),
      changed: [status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec])
  }
}
