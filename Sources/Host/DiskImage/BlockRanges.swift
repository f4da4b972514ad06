/// Ranges of 4 KiB blocks of a disk, in order. They neither overlap nor touch.
public struct BlockRanges: Sendable, Equatable {
  /// Size of a block in bytes.
  public static let blockSize: Int64 = 4096

  /// The ranges, in blocks.
  public let ranges: [Range<Int64>]

  /// Makes the ranges of all blocks that contain at least one of the given bytes.
  init(bytes: [Range<Int64>]) {
    let size = Self.blockSize
    let blocks = bytes.filter { !$0.isEmpty }
      .map { $0.lowerBound / size..<($0.upperBound + size - 1) / size }
      .sorted { $0.lowerBound < $1.lowerBound }
    var merged: [Range<Int64>] = []
    for range in blocks {
      if let last = merged.last, range.lowerBound <= last.upperBound {
        merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
    ranges = merged
  }

  /// Number of blocks in all ranges.
  public var count: Int64 { ranges.reduce(0) { $0 + Int64($1.count) } }
}
