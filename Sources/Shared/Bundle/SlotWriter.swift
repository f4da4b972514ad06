import Glibc

/// Writes segments to a slot. Blocks that are there already are not written again.
struct SlotWriter {
  /// Number of bytes that are compared at once.
  private static let piece = 16 * BundleLimits.block

  private let target: any BlockStorage
  /// A piece of the slot's previous content. The buffer is allocated once.
  private var present: [UInt8] = []

  init(_ target: any BlockStorage) { self.target = target }

  /// Writes the blocks of a segment that differ from the slot's content.
  ///
  /// - Returns: Number of bytes written.
  mutating func put(_ content: [UInt8], at place: UInt64) throws -> Int {
    var written = 0
    for range in try differences(content, at: place) {
      // Avoids a copy of the whole segment.
      let bytes = range.count == content.count ? content : Array(content[range])
      try target.write(bytes, at: place + UInt64(range.lowerBound))
      written += range.count
    }
    return written
  }

  /// Finds the runs of blocks in which bytes differ from the slot's content.
  private mutating func differences(_ content: [UInt8], at place: UInt64) throws -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    for first in stride(from: 0, to: content.count, by: Self.piece) {
      try target.read(min(Self.piece, content.count - first), at: place + UInt64(first), over: &present)
      for start in stride(from: first, to: first + present.count, by: BundleLimits.block) {
        let range = start..<min(start + BundleLimits.block, first + present.count)
        let isSame = content.withUnsafeBytes { content in
          present.withUnsafeBytes { present in
            guard let one = content.baseAddress, let other = present.baseAddress else { return true }
            return memcmp(one + range.lowerBound, other + range.lowerBound - first, range.count) == 0
          }
        }
        if isSame { continue }
        if let last = ranges.last, last.upperBound == start {
          ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
        } else {
          ranges.append(range)
        }
      }
    }
    return ranges
  }
}
