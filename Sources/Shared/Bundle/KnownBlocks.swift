/// The blocks of an old image, by what they are: what a device that has no bundle made for it need not fetch.
struct KnownBlocks {
  private let storage: any BlockStorage
  /// For each block the upper 40 bits of its hint, and its number below; sorted.
  private var rows: [UInt64] = []
  /// The digests of whole segments.
  private var segments: [Digest] = []

  private static let numberBits: UInt64 = 24
  /// Most blocks that are noted, of 8 bytes each: 4 GiB of an image.
  private static let most = 1 << 20

  /// Looks at all of an old image, or at its first 4 GiB.
  ///
  /// - Throws: What reading throws.
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

  /// Whether the image has a segment at the same place.
  func has(_ digest: Digest, atSegment number: Int) -> Bool { number < segments.count && segments[number] == digest }

  /// Reads so many bytes from a block on: content moves as a whole where something before it grew or shrank.
  ///
  /// - Returns: Whether there are so many.
  /// - Throws: What reading throws.
  func read(_ count: Int, atBlock block: Int, over content: inout [UInt8]) throws -> Bool {
    guard block >= 0, Self.place(block) + UInt64(count) <= storage.size else { return false }
    try storage.read(count, at: Self.place(block), over: &content)
    return true
  }

  /// A block that a hint is of.
  ///
  /// - Parameter expected: Which of several it is likely to be.
  /// - Returns: Its number and content; `nil` where no block is like that.
  /// - Throws: What reading throws.
  func block(of hint: UInt64, expected: Int) throws -> (number: Int, content: [UInt8])? {
    guard let block = block(like: hint, expected: expected) else { return nil }
    let content = try storage.read(BundleLimits.block, at: Self.place(block))
    // Only a part of the hint was looked up.
    return HashTree.leaves(ofSegment: content).map(SegmentHead.hint) == [hint] ? (block, content) : nil
  }

  /// Whether there is a block that a hint may be of.
  func mayHave(_ hint: UInt64) -> Bool { block(like: hint, expected: 0) != nil }

  private func block(like hint: UInt64, expected: Int) -> Int? {
    // Of several, the expected one or the first after it, else the first of all.
    if expected > 0, expected < rows.count, let place = firstBlock(from: Self.row(hint, expected), like: hint) {
      return place
    }
    return firstBlock(from: Self.row(hint, 0), like: hint)
  }

  /// The block of the first row from one on, if it has the same part of the hint.
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
