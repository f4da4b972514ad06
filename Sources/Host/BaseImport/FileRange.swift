import FoundationEssentials
import Glibc
import HostSystem

/// A part of a file on the build host, read by offset.
final class FileRange: Sendable {
  /// Offset in the file, in bytes.
  let start: UInt64
  /// Size in bytes.
  let size: UInt64
  private let file: OpenFile

  /// Opens a whole file.
  ///
  /// - Throws: `FileFailure`.
  convenience init(_ file: URL) throws(FileFailure) {
    let file = try OpenFile(file)
    var status = stat()
    guard fstat(file.descriptor, &status) == 0 else { throw .last("read", file.path) }
    self.init(file, start: 0, size: UInt64(max(0, status.st_size)))
  }

  private init(_ file: OpenFile, start: UInt64, size: UInt64) {
    self.file = file
    self.start = start
    self.size = size
  }

  /// An open file shared by all its ranges, because a partition table may have a thousand entries.
  private final class OpenFile: Sendable {
    let path: String
    let descriptor: Int32

    init(_ file: URL) throws(FileFailure) {
      path = file.path
      descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw .last("read", path) }
    }

    deinit { close(descriptor) }
  }

  /// A part of this range, cut off at its end.
  func part(from offset: UInt64, size wanted: UInt64) -> FileRange {
    let begin = min(offset, size)
    return FileRange(file, start: start + begin, size: min(wanted, size - begin))
  }

  /// Reads bytes. Returns fewer at the end of the range.
  ///
  /// - Throws: `FileFailure`.
  func read(_ offset: UInt64, _ count: Int) throws(FileFailure) -> [UInt8] {
    guard offset < size else { return [] }
    let wanted = Int(min(UInt64(count), size - offset))
    var failure: FileFailure?
    let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, length in
      while length < wanted {
        let got = pread(
          file.descriptor, buffer.baseAddress?.advanced(by: length), wanted - length, off_t(start + offset) + length)
        if got < 0, errno == EINTR { continue }
        if got < 0 { failure = .last("read", file.path) }
        if got <= 0 { break }
        length += got
      }
    }
    if let failure { throw failure }
    return bytes
  }
}
