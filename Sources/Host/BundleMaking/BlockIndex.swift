import Bundle

/// Finds blocks of an image by their content.
struct BlockIndex: Sendable {
  private let image: MappedImage
  private let first: [UInt64: Int32]

  /// Indexes all complete blocks of an image.
  init(of image: MappedImage) {
    self.image = image
    var first: [UInt64: Int32] = [:]
    first.reserveCapacity(image.wholeBlocks)
    for number in 0..<image.wholeBlocks {
      let hash = Self.hash(image.block(number))
      if first[hash] == nil { first[hash] = Int32(number) }
    }
    self.first = first
  }

  /// Finds a block with the same content as another block.
  ///
  /// - Parameter expected: Number of the block to try first, so that ranges continue.
  func block(like block: UnsafeRawBufferPointer, expected: Int?) -> Int? {
    if let expected, expected >= 0, expected < image.wholeBlocks, MappedImage.areEqual(image.block(expected), block) {
      return expected
    }
    guard let found = first[Self.hash(block)].map(Int.init), MappedImage.areEqual(image.block(found), block) else {
      return nil
    }
    return found
  }

  /// A fast hash to find candidates, which are then compared.
  static func hash(_ block: UnsafeRawBufferPointer) -> UInt64 {
    var hash: UInt64 = 0x9e37_79b9_7f4a_7c15
    var place = 0
    while place + 8 <= block.count {
      let word = block.loadUnaligned(fromByteOffset: place, as: UInt64.self)
      hash = (hash ^ word) &* 0xff51_afd7_ed55_8ccd
      hash ^= hash >> 32
      place += 8
    }
    while place < block.count {
      hash = (hash ^ UInt64(block[place])) &* 0xff51_afd7_ed55_8ccd
      place += 1
    }
    return hash
  }

  /// True if a block contains only zeros.
  static func isZero(_ block: UnsafeRawBufferPointer) -> Bool {
    var place = 0
    while place + 8 <= block.count {
      if block.loadUnaligned(fromByteOffset: place, as: UInt64.self) != 0 { return false }
      place += 8
    }
    return block[place...].allSatisfy { $0 == 0 }
  }
}
