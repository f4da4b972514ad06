import CBlockDigests
import Hashing

/// The hash tree over an image, as in dm-verity (format 1, SHA-256, blocks of 4096 bytes, no salt; see
/// `Documentation/admin-guide/device-mapper/verity.rst` of Linux). The kernel can use its root unchanged. One digest of
/// the second level covers one segment of ``BundleLimits/segment`` bytes.
///
/// The last block is padded with zeros. For an image of one segment, the root is that segment's digest.
public enum HashTree {
  private static let digestsInBlock = BundleLimits.block / Digest.length

  /// Computes the digest of a segment.
  ///
  /// - Parameter bytes: The segment's content, not empty, at most ``BundleLimits/segment`` bytes.
  public static func digest(ofSegment bytes: [UInt8]) -> Digest { bytes.withUnsafeBytes { digest(ofSegment: $0) } }

  /// Computes the digest of a segment in memory.
  ///
  /// - Parameter bytes: The segment's content, not empty, at most ``BundleLimits/segment`` bytes.
  public static func digest(ofSegment bytes: UnsafeRawBufferPointer) -> Digest {
    precondition(
      !bytes.isEmpty && bytes.count <= BundleLimits.segment, "a segment has 1 to \(BundleLimits.segment) bytes")
    return Digest(of: leafBytes(ofSegment: bytes))
  }

  /// The digests of a segment's blocks, concatenated and padded with zeros to a block.
  private static func leafBytes(ofSegment content: UnsafeRawBufferPointer) -> [UInt8] {
    var leaves = [UInt8](repeating: 0, count: BundleLimits.block)
    leaves.withUnsafeMutableBytes { leaves in
      guard let source = content.baseAddress, let target = leaves.baseAddress else { return }
      // Most processors hash several blocks at once faster than one after the other.
      let done = cultivar_hash_blocks(
        source.assumingMemoryBound(to: UInt8.self), content.count / BundleLimits.block,
        target.assumingMemoryBound(to: UInt8.self))
      for start in stride(from: done * BundleLimits.block, to: content.count, by: BundleLimits.block) {
        let block = UnsafeRawBufferPointer(rebasing: content[start..<min(start + BundleLimits.block, content.count)])
        let digest = block.count == BundleLimits.block ? Digest(of: block) : Digest(of: filled(block))
        target.advanced(by: start / BundleLimits.block * Digest.length).storeBytes(of: digest, as: Digest.self)
      }
    }
    return leaves
  }

  /// Computes the digest of a segment from the digests of its blocks.
  static func digest(of leaves: [Digest]) -> Digest { Digest(of: filled(Array(leaves.map(\.bytes).joined()))) }

  /// Computes the root from the digests of all segments.
  public static func root(of segments: [Digest]) -> Digest {
    precondition(!segments.isEmpty, "an image has a segment")
    var level = segments
    while level.count > 1 {
      level = stride(from: 0, to: level.count, by: digestsInBlock).map { start in
        let digests = level[start..<min(start + digestsInBlock, level.count)]
        return digest(of: Array(digests))
      }
    }
    return level[0]
  }

  /// Reads the first `size` bytes of an image and computes the root of their tree.
  ///
  /// - Throws: Errors of reading.
  static func root(of image: some BlockStorage, size: UInt64) throws -> Digest {
    var content: [UInt8] = []
    let segments = try stride(from: 0, to: size, by: BundleLimits.segment).map { place in
      try image.read(Int(min(UInt64(BundleLimits.segment), size - place)), at: place, over: &content)
      return digest(ofSegment: content)
    }
    return root(of: segments)
  }

  /// Computes the digests of a segment's blocks.
  static func leaves(ofSegment bytes: [UInt8]) -> [Digest] {
    stride(from: 0, to: bytes.count, by: BundleLimits.block).map { start in
      Digest(of: filled(bytes[start..<min(start + BundleLimits.block, bytes.count)]))
    }
  }

  private static func filled(_ bytes: some Collection<UInt8>) -> [UInt8] {
    Array(bytes) + [UInt8](repeating: 0, count: BundleLimits.block - bytes.count)
  }
}
