import Hashing

/// The blocks of an old image, found by their hints. A device need not download these blocks.
struct KnownBlocks {
  private let storage: any BlockStorage
  /// Sorted rows, one for each block: the upper 40 bits of its hint, then its number.
  private var rows: [UInt64] = []
  /// The digests of whole segments.
  private var segments: [Digest] = []

  private static let numberBits: UInt64 = 24
  /// Maximum number of blocks in the index: 4 GiB of an image. Each block takes 8 bytes.
  private static let most = 1 << 20

  /// Indexes an old image, up to its first 4 GiB.
  ///
  /// - Throws: Errors of reading.
  init(of storage: any BlockStorage) throws {
    self.storage = storage
    var content: [UInt8] = []
    let whole = Int(min(storage.size / UInt64(BundleLimits.block), UInt64(Self.most)))
    rows.reserveCapacity(whole)
    while rows.count < whole {
      let first = rows.count
      let count = min(BundleLimits.segmentBlocks, whole - first)
      try storage.read(count * BundleLimits.block, at: Self.place(first), over: &content)
      let leaves = HashTree.leaves(ofSegment: content)
      for (index, leaf) in leaves.enumerated() { rows.append(Self.row(SegmentHead.hint(of: leaf), first + index)) }
      if count == BundleLimits.segmentBlocks { segments.append(HashTree.digest(of: leaves)) }
    }
    rows.sort()
  }

  private static func place(_ block: Int) -> UInt64 { UInt64(block) * UInt64(BundleLimits.block) }

  private static func row(_ hint: UInt64, _ block: Int) -> UInt64 {
    hint & ~(1 << numberBits - 1) | UInt64(block)
  }

  /// True if the image has this segment at the same place.
  func has(_ digest: Digest, atSegment number: Int) -> Bool { number < segments.count && segments[number] == digest }

  /// Reads `count` bytes from a block on. Content often moves as a whole when something before it grows or shrinks.
  ///
  /// - Returns: False if the image ends too early.
  /// - Throws: Errors of reading.
  func read(_ count: Int, atBlock block: Int, over content: inout [UInt8]) throws -> Bool {
    guard block >= 0, Self.place(block) + UInt64(count) <= storage.size else { return false }
    try storage.read(count, at: Self.place(block), over: &content)
    return true
  }

  /// Finds a block by its hint.
  ///
  /// - Parameter expected: Number of the block that is the most likely one, if several match.
  /// - Returns: The block's number and content; `nil` if no block matches.
  /// - Throws: Errors of reading.
  func block(of hint: UInt64, expected: Int) throws -> (number: Int, content: [UInt8])? {
    guard let block = block(like: hint, expected: expected) else { return nil }
    let content = try storage.read(BundleLimits.block, at: Self.place(block))
    // The index contains only a part of the hint, so compare all of it.
    return HashTree.leaves(ofSegment: content).map(SegmentHead.hint) == [hint] ? (block, content) : nil
  }

  /// True if a block may match the hint.
  func mayHave(_ hint: UInt64) -> Bool { block(like: hint, expected: 0) != nil }

  private func block(like hint: UInt64, expected: Int) -> Int? {
    // Of several blocks, prefer the expected one or the next one after it, otherwise the first one.
    if expected > 0, expected < rows.count, let place = firstBlock(from: Self.row(hint, expected), like: hint) {
      return place
    }
    return firstBlock(from: Self.row(hint, 0), like: hint)
  }

  /// The block of the first row that is not below `wanted`, if it has the same part of the hint.
  private func firstBlock(from wanted: UInt64, like hint: UInt64) -> Int? {
    var (low, high) = (0, rows.count)
    while low < high {
      let middle = (low + high) / 2
      if rows[middle] < wanted { low = middle + 1 } else { high = middle }
    }
    guard low < rows.count, rows[low] >> Self.numberBits == hint >> Self.numberBits else { return nil }
    return Int(rows[low] & (1 << Self.numberBits - 1))
  }
}
