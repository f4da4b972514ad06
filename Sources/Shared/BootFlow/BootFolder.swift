import Glibc
import LinuxSystem

/// The files on the mounted boot partition, changed so that a power cut leaves each of them as it was or as it is to be.
///
/// FAT has no journal, and a name that moves is for a moment two names of the same clusters, or none. So nothing is renamed: a file
/// appears under its last name, first empty, then with all its bytes, and whoever reads it passes over an empty one; files whose
/// length never changes are written in place. The partition is mounted such that folders and the table of clusters are written at once and
/// in order (``mountFlags``); a cut may lose clusters to nobody, and never gives one to two files.
public struct BootFolder: Sendable {
  /// Where the boot partition is mounted.
  public let path: String

  /// How the partition is to be mounted.
  public static let mountFlags: Mount.Flags = [.synchronous, .noSetUserID, .noDevices, .noExecution, .noAccessTimes]
  /// Options of the file system: one that a cut has left with a fault is no reason to stop in the middle of a change.
  public static let mountOptions = "errors=continue"

  /// Uses a folder.
  public init(_ path: String) { self.path = path }

  /// Names in a folder, sorted; empty where there is none.
  public func names(in folder: String) -> [String] { FileTree.names(in: absolute(folder)) }

  /// The place of a file for whoever opens it.
  public func absolute(_ file: String) -> String { "\(path)/\(file)" }

  /// A file's bytes; `nil` where there is none.
  ///
  /// - Throws: `SystemError`.
  public func read(_ file: String, limit: Int = 1 << 16) throws(SystemError) -> [UInt8]? {
    FileTree.exists(absolute(file)) ? try FileTree.read(absolute(file), limit: limit) : nil
  }

  /// Makes a file that is not there, or that nobody reads any more.
  ///
  /// - Throws: `SystemError`.
  public func create(_ file: String, _ bytes: [UInt8]) throws(SystemError) {
    try FileTree.makeFolders(FileTree.parent(of: absolute(file)))
    try remove(file)
    let descriptor = try Descriptor(opening: absolute(file), O_WRONLY | O_CREAT | O_EXCL)
    try descriptor.write(all: bytes)
    try descriptor.synchronise()
    try synchronise(folderOf: file)
  }

  /// Removes a file, if it is there.
  ///
  /// - Throws: `SystemError`.
  public func remove(_ file: String) throws(SystemError) {
    guard unlink(absolute(file)) != 0 else { return try synchronise(folderOf: file) }
    if errno != ENOENT { throw SystemError("remove", absolute(file)) }
  }

  /// Writes other bytes in place of a file's, as many as there are. A cut leaves each sector of 512 bytes old or new.
  ///
  /// - Throws: `SystemError`.
  public func overwrite(_ file: String, _ bytes: [UInt8]) throws(SystemError) {
    guard let present = try read(file), present.count == bytes.count else { return try create(file, bytes) }
    if present == bytes { return }
    let descriptor = try Descriptor(opening: absolute(file), O_WRONLY)
    try descriptor.write(all: bytes, at: 0)
    try descriptor.synchronise()
  }

  private func synchronise(folderOf file: String) throws(SystemError) {
    try Descriptor(opening: FileTree.parent(of: absolute(file)), O_RDONLY | O_DIRECTORY).synchronise()
  }
}
