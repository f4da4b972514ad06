import Glibc
import HostSystem

/// A file with random read access, for example a disk image.
struct ImageFile: ~Copyable {
  /// Number of bytes that are read at once.
  static let chunkSize = 1 << 20

  let path: String
  /// Length in bytes.
  let size: Int64
  private let descriptor: Int32

  /// Opens a file.
  ///
  /// - Throws: `FileFailure`.
  init(reading path: String) throws(FileFailure) {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last("read", path) }
    let end = lseek(descriptor, 0, SEEK_END)
    guard end >= 0 else {
      let failure = FileFailure.last("read", path)
      close(descriptor)
      throw failure
    }
    size = Int64(end)
  }

  deinit { close(descriptor) }

  /// Fills a buffer from an offset.
  ///
  /// - Throws: `FileFailure`, also if the file ends before.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileFailure) {
    var done = 0
    while done < buffer.count {
      let count = pread(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done, off_t(offset) + done)
      if count < 0, errno == EINTR { continue }
      if count < 0 { throw .last("read", path) }
      if count == 0 { throw FileFailure("read", path, reason: "it is too short") }
      done += count
    }
  }

  /// Reads bytes at an offset.
  func bytes(at offset: Int64, count: Int) throws(FileFailure) -> [UInt8] {
    guard offset >= 0, count >= 0, offset <= size, Int64(count) <= size - offset else {
      throw FileFailure("read", path, reason: "it is too short")
    }
    var bytes = [UInt8](repeating: 0, count: count)
    var failure: FileFailure?
    bytes.withUnsafeMutableBytes { buffer in
      do throws(FileFailure) {
        try read(into: buffer, at: offset)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// The ranges of the file that are not holes, in order. Holes are zeros, but reading them takes as long as reading
  /// data.
  var dataRanges: [Range<Int64>] {
    SparseFile.dataRanges(of: descriptor).map { Int64($0.lowerBound)..<Int64($0.upperBound) }
  }

  /// Reads a range in pieces.
  ///
  /// - Parameter body: Called with each piece and its offset in the file. The piece is valid only during the call.
  func forEachPiece<Failure: Error>(
    of range: Range<Int64>, _ body: (UnsafeMutableRawBufferPointer, Int64) throws(Failure) -> Void
  ) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.chunkSize, alignment: 4096)
    defer { buffer.deallocate() }
    var position = range.lowerBound
    while position < range.upperBound {
      let piece = UnsafeMutableRawBufferPointer(
        rebasing: buffer[0..<min(buffer.count, Int(range.upperBound - position))])
      try read(into: piece, at: position)
      try body(piece, position)
      position += Int64(piece.count)
    }
  }
}

/// A new file with sequential writing. The caller renames it when it is complete.
struct NewFile: ~Copyable {
  let path: String
  private let descriptor: Int32
  /// Offset of the next byte to append.
  private(set) var position: Int64 = 0

  /// - Throws: `FileFailure`.
  init(_ path: String) throws(FileFailure) {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .last("write", path) }
  }

  deinit { close(descriptor) }

  mutating func append(_ bytes: UnsafeRawBufferPointer) throws(FileFailure) {
    try SparseFile.writeAll((descriptor, path), bytes, at: position)
    position += Int64(bytes.count)
  }

  mutating func append(_ bytes: [UInt8]) throws(FileFailure) {
    try write(bytes, at: position)
    position += Int64(bytes.count)
  }

  /// Skips bytes, which are zero until they are written.
  mutating func skip(_ count: Int64) { position += count }

  /// Writes bytes at an offset without changing the position.
  func write(_ bytes: [UInt8], at offset: Int64) throws(FileFailure) {
    var failure: FileFailure?
    bytes.withUnsafeBytes { buffer in
      do throws(FileFailure) {
        try SparseFile.writeAll((descriptor, path), buffer, at: offset)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }
}
