import Glibc
import LinuxSystem

/// Bytes that are read and written by their place: a partition, a file, or what a test makes of them.
public protocol BlockStorage: AnyObject {
  /// Bytes there is room for.
  var size: UInt64 { get }
  /// Fills memory with the bytes from a place on.
  func read(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws
  /// Writes all bytes.
  func write(_ bytes: [UInt8], at offset: UInt64) throws
  /// Waits until what was written is on the disk.
  func synchronise() throws
  /// Fills memory with what the disk has from a place on, past what the kernel remembers of it.
  ///
  /// - Parameters:
  ///   - memory: Begins at a multiple of 4096 bytes.
  ///   - offset: A multiple of 4096 bytes.
  func readBack(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws
}

extension BlockStorage {
  /// Reads exactly so many bytes.
  public func read(_ count: Int, at offset: UInt64) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try append(count, at: offset, to: &bytes)
    return bytes
  }

  /// Reads so many bytes to the end of others, in memory that these have taken where it is enough.
  func append(_ count: Int, at offset: UInt64, to bytes: inout [UInt8]) throws {
    let start = bytes.count
    bytes.append(zeros: count)
    try bytes.withUnsafeMutableBytes {
      try read(into: UnsafeMutableRawBufferPointer(rebasing: $0[start...]), at: offset)
    }
  }

  /// Reads exactly so many bytes in place of others.
  func read(_ count: Int, at offset: UInt64, over bytes: inout [UInt8]) throws {
    if bytes.count != count { bytes = [UInt8](repeating: 0, count: count) }
    try bytes.withUnsafeMutableBytes { try read(into: $0, at: offset) }
  }
}

extension [UInt8] {
  private static let zeros = [UInt8](repeating: 0, count: BundleLimits.block)

  /// Adds zeros.
  mutating func append(zeros count: Int) {
    var rest = count
    while rest > 0 {
      let step = Swift.min(rest, Self.zeros.count)
      append(contentsOf: Self.zeros[..<step])
      rest -= step
    }
  }
}

/// A partition, or a file that stands for one.
public final class StorageFile: BlockStorage {
  /// The path.
  public let path: String
  /// Bytes there is room for.
  public let size: UInt64
  private let descriptor: Descriptor
  /// The same, past the kernel's memory.
  private lazy var disk = Result { () throws(SystemError) in try Descriptor(openingUncached: path) }
  private static let alignment = 4096

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

  /// Fills memory.
  public func read(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
    guard try descriptor.read(into: memory, at: offset) == memory.count else {
      throw SystemError("read to the end of", path, code: EIO)
    }
  }

  /// Fills memory with what the disk has, and forgets what the kernel remembers of the file: whoever reads next reads the disk as well.
  public func readBack(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
    posix_fadvise(descriptor.number, off_t(offset), off_t(memory.count), POSIX_FADV_DONTNEED)
    let disk = try disk.get()
    let aligned = memory.count / Self.alignment * Self.alignment
    let start = UnsafeMutableRawBufferPointer(rebasing: memory[..<aligned])
    guard try disk.read(into: start, at: offset) == aligned else {
      throw SystemError("read to the end of", path, code: EIO)
    }
    guard aligned < memory.count else { return }
    // The end of a file that ends within a block.
    let last = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.alignment, alignment: Self.alignment)
    defer { last.deallocate() }
    guard try disk.read(into: last, at: offset + UInt64(aligned)) >= memory.count - aligned else {
      throw SystemError("read to the end of", path, code: EIO)
    }
    UnsafeMutableRawBufferPointer(rebasing: memory[aligned...]).copyMemory(
      from: UnsafeRawBufferPointer(rebasing: last[..<(memory.count - aligned)]))
  }

  /// Writes all bytes.
  public func write(_ bytes: [UInt8], at offset: UInt64) throws { try descriptor.write(all: bytes, at: offset) }

  /// Waits until what was written is on the disk.
  public func synchronise() throws { try descriptor.synchronise() }
}
