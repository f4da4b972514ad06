import FoundationEssentials
import Glibc
import HostSystem

/// Functions for files with holes.
enum SparseFile {
  /// Makes a file of zeros that takes no space on the disk.
  static func create(_ path: String, size: Int64) throws(FileFailure) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .last("write", path) }
    defer { close(descriptor) }
    guard ftruncate(descriptor, off_t(size)) == 0 else { throw .last("write", path) }
  }

  /// Copies a file into a part of another file that contains only zeros. Skips blocks of zeros.
  ///
  /// - Parameters:
  ///   - source: Path of the file to copy.
  ///   - target: Descriptor of the file to write, and its path for messages.
  ///   - offset: Offset in the target, in bytes.
  static func copy(_ source: String, into target: (descriptor: Int32, path: String), at offset: Int64)
    throws(FileFailure)
  {
    let descriptor = open(source, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last("read", source) }
    defer { close(descriptor) }
    for range in dataRanges(of: descriptor) { try copyRange(descriptor, source, range, target, at: offset) }
  }

  /// The ranges of a file that are not holes, in order.
  static func dataRanges(of descriptor: Int32) -> [Range<off_t>] {
    let end = lseek(descriptor, 0, SEEK_END)
    var ranges: [Range<off_t>] = []
    var position: off_t = 0
    while position < end {
      let data = lseek(descriptor, position, SEEK_DATA)
      if data < 0 { break }
      let hole = lseek(descriptor, data, SEEK_HOLE)
      ranges.append(data..<(hole < 0 ? end : hole))
      position = hole < 0 ? end : hole
    }
    return ranges
  }

  private static let SEEK_DATA: Int32 = 3
  private static let SEEK_HOLE: Int32 = 4
  private static let blockSize = 4096

  private static func copyRange(
    _ descriptor: Int32, _ source: String, _ range: Range<off_t>, _ target: (descriptor: Int32, path: String),
    at offset: Int64
  ) throws(FileFailure) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: blockSize)
    defer { buffer.deallocate() }
    var position = range.lowerBound
    while position < range.upperBound {
      let count = pread(descriptor, buffer.baseAddress, min(buffer.count, Int(range.upperBound - position)), position)
      if count < 0 {
        if errno == EINTR { continue }
        throw .last("read", source)
      }
      if count == 0 { return }
      // Write neighbouring blocks together.
      var start = 0
      while start < count {
        let blockEnd = min(start + blockSize, count)
        if isZero(buffer[start..<blockEnd]) {
          start = blockEnd
          continue
        }
        var stop = blockEnd
        while stop < count, !isZero(buffer[stop..<min(stop + blockSize, count)]) { stop = min(stop + blockSize, count) }
        try writeAll(
          target, UnsafeRawBufferPointer(rebasing: buffer[start..<stop]), at: offset + Int64(position) + Int64(start))
        start = stop
      }
      position += off_t(count)
    }
  }

  /// True if all bytes are zero.
  static func isZero(_ bytes: Slice<UnsafeMutableRawBufferPointer>) -> Bool {
    guard let start = UnsafeRawBufferPointer(rebasing: bytes).baseAddress, !bytes.isEmpty else { return true }
    // The bytes are zero if the first one is, and each byte equals the next.
    return start.load(as: UInt8.self) == 0 && memcmp(start, start + 1, bytes.count - 1) == 0
  }

  /// Writes all bytes at an offset.
  static func writeAll(
    _ target: (descriptor: Int32, path: String), _ bytes: UnsafeRawBufferPointer, at offset: Int64
  ) throws(FileFailure) {
    var done = 0
    while done < bytes.count {
      let count = pwrite(
        target.descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset) + done)
      if count < 0 {
        if errno == EINTR { continue }
        throw .last("write", target.path)
      }
      done += count
    }
  }
}

enum FileTime {
  /// Sets the modification time of a file, in seconds since 1970.
  static func set(_ path: String, _ seconds: Int64) throws(FileFailure) {
    let time = timespec(tv_sec: Int(seconds), tv_nsec: 0)
    guard utimensat(AT_FDCWD, path, [time, time], AT_SYMLINK_NOFOLLOW) == 0 else { throw .last("write", path) }
  }
}
