import Bundle
import FoundationEssentials
import Hashing
import HostSystem

/// A segment in the form of a bundle: its row of the table, and its bytes.
struct MadeSegment: Sendable {
  var segment: Segment
  var stored: [UInt8]
}

/// Makes the segments of an image, completely or as changes of an old image. The same input gives the same bytes,
/// independent of the number of processors.
struct ImageEncoder: Sendable {
  private let image: MappedImage
  private let own: BlockIndex
  private let base: Base?
  private let level: Int32

  /// An old image and its indexes.
  private struct Base: Sendable {
    var image: MappedImage
    var blocks: BlockIndex
    var similar: SimilarityIndex
    /// Locations of files in both images; `nil` if unknown.
    var paths: PathHints?
  }

  /// Size in bytes of a frame of a complete image. Frames are small because a device that already has some blocks
  /// fetches only the frames of the others.
  private static let unit = 4 * BundleLimits.block
  /// Number of blocks before such a frame that it may refer to, because a small frame alone does not compress well.
  private static let context = 32
  /// Maximum number of known blocks between unknown ones in one frame. Each frame costs a row of the table.
  private static let mostKnownWithin = 8

  /// Indexes the images.
  ///
  /// - Parameter level: Compression level from 1 (fast) to 22 (small).
  init(_ image: MappedImage, from base: MappedImage?, level: Int) {
    self.image = image
    self.level = Int32(level)
    own = BlockIndex(of: image)
    self.base = base.map {
      Base(
        image: $0, blocks: BlockIndex(of: $0), similar: SimilarityIndex(of: $0), paths: PathHints(from: $0, to: image))
    }
  }

  var segmentCount: Int { (image.bytes.count + BundleLimits.segment - 1) / BundleLimits.segment }

  private func blocks(ofSegment number: Int) -> Range<Int> {
    let first = number * BundleLimits.segmentBlocks
    return first..<min(first + BundleLimits.segmentBlocks, image.blockCount)
  }

  func digest(ofSegment number: Int) -> Digest { HashTree.digest(ofSegment: Array(content(blocks(ofSegment: number)))) }

  private func content(_ blocks: Range<Int>) -> UnsafeRawBufferPointer {
    image.content(BlockRange(start: blocks.lowerBound, count: blocks.count))
  }

  /// Makes a segment; returns `nil` if the base has the same segment at the same place.
  func segment(_ number: Int, by maker: FrameMaker) -> MadeSegment? {
    let blocks = blocks(ofSegment: number)
    guard let base else { return whole(number, blocks, by: maker) }
    let here = content(blocks)
    let end = blocks.lowerBound * BundleLimits.block + here.count
    if base.image.bytes.count >= end {
      let there = UnsafeRawBufferPointer(rebasing: base.image.bytes[blocks.lowerBound * BundleLimits.block..<end])
      if MappedImage.areEqual(here, there) { return nil }
    }
    let frames = self.frames(blocks, from: base, by: maker)
    let isOfBase = frames.allSatisfy { $0.frame.stored == nil }
    return MadeSegment(
      segment: Segment(
        number: number, digest: isOfBase ? nil : digest(ofSegment: number), content: .frames(frames.map(\.frame))),
      stored: frames.flatMap(\.stored))
  }

  /// Makes a segment that does not depend on a base.
  private func whole(_ number: Int, _ blocks: Range<Int>, by maker: FrameMaker) -> MadeSegment {
    var frames: [MadeFrame] = []
    var block = blocks.lowerBound
    while block < blocks.upperBound {
      let run = zeros(from: block, within: blocks)
      if run > 0 {
        frames.append(MadeFrame(frame: Frame(blocks: run, operation: .zero)))
        block += run
        continue
      }
      let earlier = copies(from: block, within: blocks)
      if earlier.count * BundleLimits.block >= Self.unit {
        frames.append(MadeFrame(frame: Frame(blocks: earlier.count, operation: .copyOfNew(from: earlier.start))))
        block += earlier.count
        continue
      }
      let end = min(block + Self.unit / BundleLimits.block, blocks.upperBound)
      let before = max(0, block - Self.context)..<block
      frames.append(maker.frame(of: Array(content(block..<end)), after: Array(content(before)), level: level))
      block = end
    }
    let stored = frames.flatMap(\.stored)
    let head = SegmentHead(
      frames: frames.map(\.frame), hints: SegmentHead.hints(of: Array(content(blocks)))
    ).bytes(ofSegment: number)
    return MadeSegment(
      segment: Segment(
        number: number, digest: digest(ofSegment: number),
        content: .head(length: head.count, digest: ShortDigest(of: head), framesLength: stored.count)),
      stored: head + stored)
  }

  /// Number of consecutive zero blocks from a block on.
  private func zeros(from block: Int, within blocks: Range<Int>) -> Int {
    (block..<blocks.upperBound).prefix { BlockIndex.isZero(image.block($0)) }.count
  }

  /// The longest range of an earlier segment that equals the blocks from a block on.
  private func copies(from block: Int, within blocks: Range<Int>) -> BlockRange {
    var range = BlockRange(start: 0, count: 0)
    while block + range.count < blocks.upperBound,
      let found = own.block(like: image.block(block + range.count), expected: range.count > 0 ? range.end : nil),
      range.count > 0 ? found == range.end : true, found < blocks.lowerBound
    {
      if range.count == 0 { range.start = found }
      range.count += 1
    }
    return range
  }

  /// The source of a block.
  private enum Known: Equatable {
    case zero
    case ofBase(Int)
    case unknown
  }

  private func frames(_ blocks: Range<Int>, from base: Base, by maker: FrameMaker) -> [MadeFrame] {
    let known = self.known(blocks, in: base)
    var frames: [MadeFrame] = []
    var index = 0
    while index < known.count {
      switch known[index] {
      case .zero:
        let count = known[index...].prefix { $0 == .zero }.count
        frames.append(MadeFrame(frame: Frame(blocks: count, operation: .zero)))
        index += count
      case .ofBase(let start):
        var count = 1
        while index + count < known.count, known[index + count] == .ofBase(start + count) { count += 1 }
        frames.append(MadeFrame(frame: Frame(blocks: count, operation: .copyOfBase(from: start))))
        index += count
      case .unknown:
        let count = Self.unknownRun(known[index...])
        frames.append(unknown(index..<index + count, of: known, from: blocks.lowerBound, base, by: maker))
        index += count
      }
    }
    return frames
  }

  /// The sources of blocks, in runs that are as long as possible.
  private func known(_ blocks: Range<Int>, in base: Base) -> [Known] {
    var known: [Known] = []
    for number in blocks {
      let block = image.block(number)
      let expected: Int =
        if case .ofBase(let last)? = known.last { last + 1 } else { number }
      if BlockIndex.isZero(block) {
        known.append(.zero)
      } else if let found = base.blocks.block(like: block, expected: expected) {
        known.append(.ofBase(found))
      } else {
        known.append(.unknown)
      }
    }
    return known
  }

  /// Number of blocks of a frame that begins with an unknown block. A few known blocks do not end the frame.
  private static func unknownRun(_ known: ArraySlice<Known>) -> Int {
    var (count, end) = (0, 0)
    for block in known {
      count += 1
      if block == .unknown { end = count } else if count - end > mostKnownWithin { break }
    }
    return end
  }

  private func unknown(
    _ range: Range<Int>, of known: [Known], from first: Int, _ base: Base, by maker: FrameMaker
  ) -> MadeFrame {
    let blocks = first + range.lowerBound..<first + range.upperBound
    let bytes = content(blocks)
    // Expected place: after the last block before it that comes from the base.
    let before = known[..<range.lowerBound].enumerated().reversed().lazy.compactMap { index, known in
      if case .ofBase(let block) = known { block + range.lowerBound - index } else { nil as Int? }
    }.first
    let start = max(0, min((before ?? blocks.lowerBound) - 1, base.image.wholeBlocks - 1))
    let ranges = base.similar.ranges(
      like: bytes, expected: BlockRange(start: start, count: blocks.count + 2),
      hinted: base.paths?.ranges(for: blocks) ?? [],
      limit: min(BundleLimits.prefixBlocks, 3 * blocks.count + 64))
    return maker.frame(of: Array(bytes), from: ranges, of: base.image, level: level)
  }
}
