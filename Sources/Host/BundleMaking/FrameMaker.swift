import Bundle

/// A frame and its bytes in a bundle.
struct MadeFrame {
  var frame: Frame
  var stored: [UInt8] = []
}

/// Makes frames. Tries each suitable operation and uses the one with the smallest result.
final class FrameMaker {
  private let zstandard = ZstandardEncoder()

  /// Makes a frame that depends only on blocks before it.
  ///
  /// - Parameter before: The blocks before the frame; empty for none.
  func frame(of content: [UInt8], after before: [UInt8], level: Int32) -> MadeFrame {
    let made = candidate(zstandard.encode([content], prefix: before, level: level)) {
      before.isEmpty ? .compressed($0) : .compressedAfter($0, blocks: before.count / BundleLimits.block)
    }
    return Self.smallest([made], of: content)
  }

  /// Makes a frame that may depend on an old image.
  ///
  /// - Parameter ranges: Blocks of the old image, at most `BundleLimits.prefixBlocks`.
  func frame(of content: [UInt8], from ranges: [BlockRange], of base: MappedImage, level: Int32) -> MadeFrame {
    var candidates = [candidate(zstandard.encode([content], level: level)) { .compressed($0) }]
    if !ranges.isEmpty {
      let old = base.content(ranges)
      candidates.append(
        candidate(zstandard.encode([content], prefix: old, level: level)) { .compressedWithPrefix($0, ranges) })
      let difference = BinaryDifference(
        of: content, from: old, pieces: DifferenceFinder(of: content, from: old).pieces())
      if difference.streams.reduce(0, { $0 + $1.count }) < BinaryDifference.limit - 64 {
        let stored = zstandard.encode([difference.head] + difference.streams.filter { !$0.isEmpty }, level: level)
        candidates.append(candidate(stored) { .difference($0, ranges) })
      }
    }
    return Self.smallest(candidates, of: content)
  }

  private func candidate(_ stored: [UInt8], _ operation: (Frame.Stored) -> Frame.Operation) -> MadeFrame {
    MadeFrame(
      frame: Frame(
        blocks: 0, operation: operation(Frame.Stored(length: stored.count, digest: ShortDigest(of: stored)))),
      stored: stored)
  }

  private static func smallest(_ candidates: [MadeFrame], of content: [UInt8]) -> MadeFrame {
    let blocks = (content.count + BundleLimits.block - 1) / BundleLimits.block
    let plain = MadeFrame(
      frame: Frame(
        blocks: blocks, operation: .stored(Frame.Stored(length: content.count, digest: ShortDigest(of: content)))),
      stored: content)
    var best = plain
    // Ranges also take space in the table.
    func cost(_ made: MadeFrame) -> Int {
      switch made.frame.operation {
      case .compressedWithPrefix(_, let ranges), .difference(_, let ranges): made.stored.count + 4 * ranges.count
      default: made.stored.count
      }
    }
    for candidate in candidates where cost(candidate) < cost(best) {
      best = MadeFrame(frame: Frame(blocks: blocks, operation: candidate.frame.operation), stored: candidate.stored)
    }
    return best
  }
}
