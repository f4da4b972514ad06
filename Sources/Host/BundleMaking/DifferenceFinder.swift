import Bundle

/// Finds the pieces of a ``BinaryDifference`` between old and new bytes. It starts from exact matches and extends them
/// over differing bytes for as long as more than half of the bytes agree.
struct DifferenceFinder {
  private let old: [UInt8]
  private let new: [UInt8]
  /// For each hash, the last place of eight old bytes with it; and for each place, the previous place with the same
  /// hash.
  private var heads: [Int32]
  private var chain: [Int32]

  private static let seed = 8
  private static let bits = 18
  /// Maximum number of candidate places for one match.
  private static let tries = 12

  /// Indexes the old bytes.
  init(of new: [UInt8], from old: [UInt8]) {
    self.old = old
    self.new = new
    heads = [Int32](repeating: -1, count: 1 << Self.bits)
    chain = [Int32](repeating: -1, count: old.count)
    guard old.count >= Self.seed else { return }
    old.withUnsafeBytes { old in
      for place in 0...(old.count - Self.seed) {
        let bucket = Self.bucket(old, place)
        chain[place] = heads[bucket]
        heads[bucket] = Int32(place)
      }
    }
  }

  private static func bucket(_ bytes: UnsafeRawBufferPointer, _ place: Int) -> Int {
    Int((bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self) &* 0x9e37_79b9_7f4a_7c15) >> UInt64(64 - bits))
  }

  /// The start of an alignment in the new bytes, and the offset from there to the old bytes.
  private struct Anchor {
    var place: Int
    var offset: Int
  }

  /// The pieces of the difference, which cover all new bytes.
  func pieces() -> [BinaryDifference.Piece] {
    new.withUnsafeBytes { new in
      old.withUnsafeBytes { old in
        pieces(anchors: anchors(new, old), new, old)
      }
    }
  }

  /// Scans the new bytes, and records each place where another alignment matches clearly more bytes than the previous
  /// one.
  private func anchors(_ new: UnsafeRawBufferPointer, _ old: UnsafeRawBufferPointer) -> [Anchor] {
    var anchors = [Anchor(place: 0, offset: 0)]
    var place = 0
    while place + Self.seed <= new.count {
      let offset = anchors[anchors.count - 1].offset
      let match = longestMatch(new, old, at: place)
      guard match.length >= Self.seed else {
        place += 1
        continue
      }
      if match.offset == offset {
        place += match.length
        continue
      }
      // Count the bytes that the current alignment matches.
      var agreeing = 0
      for index in place..<place + match.length {
        let other = index + offset
        if other >= 0, other < old.count, old[other] == new[index] { agreeing += 1 }
      }
      if match.length > agreeing + Self.seed {
        anchors.append(Anchor(place: place, offset: match.offset))
        place += match.length
      } else {
        place += max(1, agreeing)
      }
    }
    return anchors
  }

  private func longestMatch(
    _ new: UnsafeRawBufferPointer, _ old: UnsafeRawBufferPointer, at place: Int
  ) -> (offset: Int, length: Int) {
    var best = (offset: 0, length: 0)
    var candidate = Int(heads[Self.bucket(new, place)])
    var tries = Self.tries
    while candidate >= 0, tries > 0 {
      let most = min(new.count - place, old.count - candidate)
      if best.length < most, best.length == 0 || new[place + best.length] == old[candidate + best.length] {
        var length = 0
        while length + 8 <= most,
          new.loadUnaligned(fromByteOffset: place + length, as: UInt64.self)
            == old.loadUnaligned(fromByteOffset: candidate + length, as: UInt64.self)
        {
          length += 8
        }
        while length < most, new[place + length] == old[candidate + length] { length += 1 }
        if length > best.length { best = (candidate - place, length) }
      }
      candidate = Int(chain[candidate])
      tries -= 1
    }
    return best
  }

  /// Determines the ends of the aligned parts by `reach`. Bytes between them are literal.
  private func pieces(
    anchors: [Anchor], _ new: UnsafeRawBufferPointer, _ old: UnsafeRawBufferPointer
  ) -> [BinaryDifference.Piece] {
    var pieces: [BinaryDifference.Piece] = []
    // Start and alignment of the current piece.
    var (start, offset) = (0, 0)
    for index in anchors.indices {
      let next = index + 1 < anchors.count ? anchors[index + 1] : nil
      let end = next?.place ?? new.count
      var forward = Self.reach(new, old, from: start, to: end, offset: offset, step: 1)
      var backward = 0
      if let next { backward = Self.reach(new, old, from: end - 1, to: start - 1, offset: next.offset, step: -1) }
      if start + forward > end - backward, let next {
        // Both pieces extend over the same bytes: cut where most bytes agree.
        let overlap = (end - backward)..<(start + forward)
        var (score, best, cut) = (0, 0, overlap.lowerBound)
        for place in overlap {
          if old[place + offset] == new[place] { score += 1 }
          if old[place + next.offset] == new[place] { score -= 1 }
          if score > best { (best, cut) = (score, place + 1) }
        }
        forward = cut - start
        backward = end - cut
      }
      let following = end - backward
      let seek = next.map { following + $0.offset - (start + forward + offset) } ?? 0
      pieces.append(.init(copied: forward, literal: following - start - forward, seek: seek))
      if let next { (start, offset) = (following, next.offset) }
    }
    return pieces
  }

  /// The length of an alignment with the greatest number of matching bytes minus differing bytes.
  private static func reach(
    _ new: UnsafeRawBufferPointer, _ old: UnsafeRawBufferPointer, from start: Int, to end: Int, offset: Int, step: Int
  ) -> Int {
    var (agreeing, best, length, count) = (0, 0, 0, 0)
    for place in stride(from: start, to: end, by: step) {
      let other = place + offset
      guard other >= 0, other < old.count else { break }
      count += 1
      if old[other] == new[place] { agreeing += 1 }
      if 2 * agreeing - count > best { (best, length) = (2 * agreeing - count, count) }
    }
    return length
  }
}
