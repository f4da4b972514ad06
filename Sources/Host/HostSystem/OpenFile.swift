import Glibc
import class LinuxSystem.Descriptor
import struct LinuxSystem.SystemError

/// An open file whose errors contain its path. The file is closed when its last reference goes.
public final class OpenFile {
  /// The purpose of opening a file.
  public enum Use {
    case reading
    /// Reading and writing. The file keeps its content.
    case updating
  }

  private let path: String
  private let descriptor: Descriptor

  /// Opens an existing file.
  ///
  /// - Throws: ``FileFailure``.
  public init(_ path: String, for use: Use = .reading) throws(FileFailure) {
    let flags = use == .reading ? O_RDONLY : O_RDWR
    self.path = path
    descriptor = try Self.explained(use == .reading ? "read" : "write", path) { () throws(SystemError) in
      try Descriptor(opening: path, flags)
    }
  }

  /// Takes ownership of an open descriptor.
  ///
  /// - Parameter path: Path of the file, for error messages.
  public init(owning descriptor: Int32, path: String) {
    self.path = path
    self.descriptor = Descriptor(owning: descriptor)
  }

  /// Length of the file in bytes.
  ///
  /// - Throws: ``FileFailure``.
  public func size() throws(FileFailure) -> Int64 {
    var status = stat()
    guard fstat(descriptor.number, &status) == 0 else { throw .last("read", path) }
    return Int64(status.st_size)
  }

  /// Reads at most `limit` bytes from the file's position; none at the end of the file.
  ///
  /// - Throws: ``FileFailure``.
  public func read(atMost limit: Int) throws(FileFailure) -> [UInt8] {
    try Self.explained("read", path) { () throws(SystemError) in try descriptor.read(atMost: limit) ?? [] }
  }

  /// Reads `count` bytes at `offset`, or fewer at the end of the file. The file's position does not change.
  ///
  /// - Throws: ``FileFailure``.
  public func read(_ count: Int, at offset: UInt64) throws(FileFailure) -> [UInt8] {
    try Self.explained("read", path) { () throws(SystemError) in try descriptor.read(count, at: offset) }
  }

  /// Writes all bytes at the file's position.
  ///
  /// - Throws: ``FileFailure``.
  public func write(_ bytes: [UInt8]) throws(FileFailure) {
    try Self.explained("write", path) { () throws(SystemError) in try descriptor.write(all: bytes) }
  }

  /// Copies another file, from its position to its end, to this file's position.
  ///
  /// - Throws: ``FileFailure``.
  public func write(restOf source: OpenFile) throws(FileFailure) {
    while true {
      let part = try source.read(atMost: 1 << 20)
      if part.isEmpty { return }
      try write(part)
    }
  }

  /// Sets the file's position, in bytes from the beginning.
  ///
  /// - Throws: ``FileFailure``.
  public func seek(to offset: UInt64) throws(FileFailure) {
    guard lseek(descriptor.number, off_t(offset), SEEK_SET) >= 0 else { throw .last("read", path) }
  }

  /// Sets the file's position to the end of the file.
  ///
  /// - Returns: The length of the file in bytes.
  /// - Throws: ``FileFailure``.
  @discardableResult public func seekToEnd() throws(FileFailure) -> UInt64 {
    let length = lseek(descriptor.number, 0, SEEK_END)
    guard length >= 0 else { throw .last("read", path) }
    return UInt64(length)
  }

  /// Waits until the written data is on the disk.
  ///
  /// - Throws: ``FileFailure``.
  public func synchronise() throws(FileFailure) {
    try Self.explained("write", path) { () throws(SystemError) in try descriptor.synchronise() }
  }

  private static func explained<Result>(
    _ action: String, _ path: String, _ body: () throws(SystemError) -> Result
  ) throws(FileFailure) -> Result {
    do {
      return try body()
    } catch {
      throw FileFailure(action, path, reason: String(cString: strerror(error.code)))
    }
  }
}
