import Glibc
import LinuxSystem

/// Storage with random access: a partition, a file, or a test's substitute.
public protocol BlockStorage: AnyObject {
  /// Size in bytes.
  var size: UInt64 { get }
  /// Fills memory with the bytes from an offset on.
  func read(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws
  /// Writes all bytes.
  func write(_ bytes: [UInt8], at offset: UInt64) throws
  /// Waits until all written bytes are on the disk.
  func synchronise() throws
  /// Fills memory with the bytes on the disk, bypassing the kernel's page cache.
  ///
  /// - Parameters:
  ///   - memory: Memory at an address that is a multiple of 4096.
  ///   - offset: A multiple of 4096 bytes.
  func readBack(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws
}

extension BlockStorage {
  /// Reads exactly `count` bytes.
  public func read(_ count: Int, at offset: UInt64) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try append(count, at: offset, to: &bytes)
    return bytes
  }

  /// Reads exactly `count` bytes and appends them, reusing the array's capacity.
  func append(_ count: Int, at offset: UInt64, to bytes: inout [UInt8]) throws {
    let start = bytes.count
    bytes.append(zeros: count)
    try bytes.withUnsafeMutableBytes {
      try read(into: UnsafeMutableRawBufferPointer(rebasing: $0[start...]), at: offset)
    }
  }

  /// Reads exactly `count` bytes into an array, replacing its content.
  func read(_ count: Int, at offset: UInt64, over bytes: inout [UInt8]) throws {
    if bytes.count != count { bytes = [UInt8](repeating: 0, count: count) }
    try bytes.withUnsafeMutableBytes { try read(into: $0, at: offset) }
  }
}

extension [UInt8] {
  private static let zeros = [UInt8](repeating: 0, count: BundleLimits.block)

  /// Appends zeros.
  mutating func append(zeros count: Int) {
    var rest = count
    while rest > 0 {
      let step = Swift.min(rest, Self.zeros.count)
      append(contentsOf: Self.zeros[..<step])
      rest -= step
    }
  }
}

/// A partition, or a file in its place.
public final class StorageFile: BlockStorage {
  public let path: String
  /// Size in bytes.
  public let size: UInt64
  private let descriptor: Descriptor
  /// The same file, opened without the page cache.
  private lazy var disk = Result { () throws(SystemError) in try Descriptor(openingUncached: path) }
  private static let alignment = 4096

  /// Opens a partition or an existing file.
  ///
  /// - Throws: `SystemError`.
  public convenience init(_ path: String, writable: Bool = false) throws(SystemError) {
    let descriptor = try Descriptor(opening: path, writable ? O_RDWR : O_RDONLY)
    var status = stat()
    guard fstat(descriptor.number, &status) == 0 else { throw SystemError("get the size of", path) }
    let isFile = status.st_mode & S_IFMT == S_IFREG
    self.init(
      path, descriptor,
      size: isFile ? UInt64(status.st_size) : try BlockDevice(path).sectorCount * UInt64(BlockDevice.sectorSize))
  }

  /// Creates a file of the given size in bytes, or truncates an existing one.
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

  public func read(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
    guard try descriptor.read(into: memory, at: offset) == memory.count else {
      throw SystemError("read to the end of", path, code: EIO)
    }
  }

  /// Fills memory with the bytes on the disk, and drops this part of the file from the page cache, so that later
  /// readers read from the disk too.
  public func readBack(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
    posix_fadvise(descriptor.number, off_t(offset), off_t(memory.count), POSIX_FADV_DONTNEED)
    let disk = try disk.get()
    let aligned = memory.count / Self.alignment * Self.alignment
    let start = UnsafeMutableRawBufferPointer(rebasing: memory[..<aligned])
    guard try disk.read(into: start, at: offset) == aligned else {
      throw SystemError("read to the end of", path, code: EIO)
    }
    guard aligned < memory.count else { return }
    // A file may end within a block of this size.
    let last = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.alignment, alignment: Self.alignment)
    defer { last.deallocate() }
    guard try disk.read(into: last, at: offset + UInt64(aligned)) >= memory.count - aligned else {
      throw SystemError("read to the end of", path, code: EIO)
    }
    UnsafeMutableRawBufferPointer(rebasing: memory[aligned...]).copyMemory(
      from: UnsafeRawBufferPointer(rebasing: last[..<(memory.count - aligned)]))
  }

  public func write(_ bytes: [UInt8], at offset: UInt64) throws { try descriptor.write(all: bytes, at: offset) }

  public func synchronise() throws { try descriptor.synchronise() }
}
