import Bundle
import FoundationEssentials
import Glibc
import HostSystem

/// An image file mapped into memory.
final class MappedImage: @unchecked Sendable {
  /// The content. It is never written to.
  let bytes: UnsafeRawBufferPointer

  /// Maps a file.
  ///
  /// - Throws: `FileFailure`.
  init(_ path: String) throws(FileFailure) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last("read", path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .last("read", path) }
    guard status.st_size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let start = mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
      throw .last("read", path)
    }
    bytes = UnsafeRawBufferPointer(start: start, count: Int(status.st_size))
  }

  deinit {
    if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
  }

  /// Number of blocks; the last block may be incomplete.
  var blockCount: Int { (bytes.count + BundleLimits.block - 1) / BundleLimits.block }

  /// Number of complete blocks.
  var wholeBlocks: Int { bytes.count / BundleLimits.block }

  func block(_ number: Int) -> UnsafeRawBufferPointer {
    let start = number * BundleLimits.block
    return UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + BundleLimits.block, bytes.count)])
  }

  /// The bytes of consecutive blocks.
  func content(_ range: BlockRange) -> UnsafeRawBufferPointer {
    let start = range.start * BundleLimits.block
    return UnsafeRawBufferPointer(rebasing: bytes[start..<min(range.end * BundleLimits.block, bytes.count)])
  }

  /// The bytes of several ranges, concatenated.
  func content(_ ranges: [BlockRange]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(ranges.reduce(0) { $0 + $1.count } * BundleLimits.block)
    for range in ranges { result.append(contentsOf: content(range)) }
    return result
  }

  /// True if two blocks have the same bytes.
  static func areEqual(_ one: UnsafeRawBufferPointer, _ other: UnsafeRawBufferPointer) -> Bool {
    guard one.count == other.count, let left = one.baseAddress, let right = other.baseAddress else { return false }
    return memcmp(left, right, one.count) == 0
  }
}
