import Glibc
import LinuxSystem

/// The files on the mounted boot partition. A power cut during a change leaves each file either old or new.
///
/// FAT has no journal. During a rename, two names may refer to the same clusters, or no name does. So no file is
/// renamed: a new file gets its final name at once, first empty, then with all its bytes, and readers ignore an empty
/// file. Files of constant length are overwritten in place. The mount flags (``mountFlags``) make the kernel write
/// folders and the allocation table at once and in order. A power cut may leak clusters, but it never assigns one
/// cluster to two files.
public struct BootFolder: Sendable {
  /// Mount point of the boot partition.
  public let path: String

  /// Mount flags for the boot partition.
  public static let mountFlags: Mount.Flags = [.synchronous, .noSetUserID, .noDevices, .noExecution, .noAccessTimes]
  /// File system options. If a power cut damaged the file system, a change continues instead of stopping halfway.
  public static let mountOptions = "errors=continue"

  public init(_ path: String) { self.path = path }

  /// Lists the names in a folder, sorted; empty if the folder does not exist.
  public func names(in folder: String) -> [String] { FileTree.names(in: absolute(folder)) }

  /// The absolute path of a file.
  public func absolute(_ file: String) -> String { "\(path)/\(file)" }

  /// Reads a file; `nil` if it does not exist.
  ///
  /// - Throws: `SystemError`.
  public func read(_ file: String, limit: Int = 1 << 16) throws(SystemError) -> [UInt8]? {
    FileTree.exists(absolute(file)) ? try FileTree.read(absolute(file), limit: limit) : nil
  }

  /// Creates a file, or replaces a file that is no longer read.
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

  /// Removes a file, if it exists.
  ///
  /// - Throws: `SystemError`.
  public func remove(_ file: String) throws(SystemError) {
    guard unlink(absolute(file)) != 0 else { return try synchronise(folderOf: file) }
    if errno != ENOENT { throw SystemError("remove", absolute(file)) }
  }

  /// Overwrites a file in place if the length is unchanged, otherwise creates it anew. A power cut leaves each sector
  /// of 512 bytes old or new.
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
