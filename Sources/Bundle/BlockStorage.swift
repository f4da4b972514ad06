import Glibc
import LinuxSystem

/// Bytes that are read and written by their place: a partition, a file, or what a test makes of them.
public protocol BlockStorage: AnyObject {
  /// Bytes there is room for.
  var size: UInt64 { get }
  /// Reads exactly so many bytes.
  func read(_ count: Int, at offset: UInt64) throws -> [UInt8]
  /// Writes all bytes.
  func write(_ bytes: [UInt8], at offset: UInt64) throws
  /// Waits until what was written is on the disk.
  func synchronise() throws
}

/// A partition, or a file that stands for one.
public final class StorageFile: BlockStorage {
  /// The path.
  public let path: String
  public let size: UInt64
  private let descriptor: Descriptor

  /// Opens a partition, or a file as long as it is.
  ///
  /// - Throws: `SystemError`.
  public convenience init(_ path: String, writable: Bool = false) throws(SystemError) {
    let descriptor = try Descriptor(opening: path, writable ? O_RDWR : O_RDONLY)
    var status = stat()
    guard fstat(descriptor.number, &status) == 0 else { throw SystemError("ask the size of", path) }
    let isFile = status.st_mode & S_IFMT == S_IFREG
    self.init(
      path, descriptor,
      size: isFile ? UInt64(status.st_size) : try BlockDevice(path).sectorCount * UInt64(BlockDevice.sectorSize))
  }

  /// Makes a file of a size, or empties the one that is there.
  ///
  /// - Throws: `SystemError`.
  public convenience init(making path: String, size: UInt64) throws(SystemError) {
    let descriptor = try Descriptor(opening: path, O_RDWR | O_CREAT | O_TRUNC)
    guard ftruncate(descriptor.number, off_t(size)) == 0 else { throw SystemError("resize", path) }
    self.init(path, descriptor, size: size)
  }

  private init(_ path: String, _ descriptor: Descriptor, size: UInt64) {
    (self.path, self.descriptor, self.size) = (path, descriptor, size)
  }

  public func read(_ count: Int, at offset: UInt64) throws -> [UInt8] {
    let bytes = try descriptor.read(count, at: offset)
    guard bytes.count == count else { throw SystemError("read to the end of", path, code: EIO) }
    return bytes
  }

  public func write(_ bytes: [UInt8], at offset: UInt64) throws { try descriptor.write(all: bytes, at: offset) }

  public func synchronise() throws { try descriptor.synchronise() }
}
