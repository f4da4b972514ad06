import Bundle

/// Finds parts of an image that resemble other bytes. The index contains a sample of all windows of 32 bytes, chosen by
/// their content, with their places.
struct SimilarityIndex: Sendable {
  private let image: MappedImage
  private let places: [UInt64: Int32]
  /// One window in this many is in the sample.
  private static let rate: UInt64 = 64

  /// Indexes an image.
  init(of image: MappedImage) {
    self.image = image
    var places: [UInt64: Int32] = [:]
    places.reserveCapacity(image.bytes.count / Int(Self.rate))
    Self.forEachAnchor(in: image.bytes) { hash, place in
      if places[hash] == nil { places[hash] = Int32(place / BundleLimits.block) }
    }
    self.places = places
  }

  /// Ranges of the image that bytes may come from, in the order of the image.
  ///
  /// - Parameters:
  ///   - expected: The range if no content had moved; always included.
  ///   - hinted: Ranges with content of the same files; included next.
  ///   - limit: Maximum number of blocks in all ranges.
  func ranges(
    like bytes: UnsafeRawBufferPointer, expected: BlockRange, hinted: [BlockRange], limit: Int
  ) -> [BlockRange] {
    var votes: [Int: Int] = [:]
    Self.forEachAnchor(in: bytes) { hash, _ in
      if let block = places[hash] { votes[Int(block) / Self.group, default: 0] += 1 }
    }
    let last = max(0, (image.wholeBlocks - 1) / Self.group)
    var chosen = Set((max(0, expected.start) / Self.group)...max(0, (expected.end - 1) / Self.group))
    for range in hinted {
      for group in range.start / Self.group...(range.end - 1) / Self.group
      where (chosen.count + 1) * Self.group <= limit {
        chosen.insert(group)
      }
    }
    let best = votes.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    for (group, _) in best {
      // Insertions move content beyond its group.
      for near in [group, group + 1, group - 1] where near >= 0 && (chosen.count + 1) * Self.group <= limit {
        chosen.insert(near)
      }
    }
    var ranges: [BlockRange] = []
    for group in chosen.sorted() where group <= last && image.wholeBlocks > 0 {
      let start = group * Self.group
      let count = min(Self.group, image.wholeBlocks - start)
      if let end = ranges.last?.end, end == start {
        ranges[ranges.count - 1].count += count
      } else if ranges.count < BundleLimits.prefixRanges {
        ranges.append(BlockRange(start: start, count: count))
      }
    }
    return ranges
  }

  /// Number of blocks that are chosen together.
  private static let group = 4

  /// Calls `body` for each window in the sample. A rolling hash selects the windows, so equal bytes give equal windows
  /// at any place.
  private static func forEachAnchor(in bytes: UnsafeRawBufferPointer, _ body: (_ hash: UInt64, _ place: Int) -> Void) {
    var hash: UInt64 = 0
    var last: UInt64 = 0
    for place in 0..<bytes.count {
      // After 32 steps, a byte no longer affects the hash.
      hash = hash << 2 &+ gear[Int(bytes[place])]
      if hash >> 58 == 0, hash != last, place >= 31 {
        body(hash, place - 31)
        last = hash
      }
    }
  }

  /// A random number for each byte (splitmix64), the same in every run.
  private static let gear: [UInt64] = (1...256).map { seed in
    var number = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15
    number = (number ^ number >> 30) &* 0xbf58_476d_1ce4_e5b9
    number = (number ^ number >> 27) &* 0x94d0_49bb_1331_11eb
    return number ^ number >> 31
  }
}
