import TaggedFields

/// The difference between old and new bytes, for programs. After a program is compiled again, most of its bytes are
/// unchanged or moved; addresses differ by small amounts. The method is that of bsdiff (Percival, 2003): new bytes are
/// old bytes plus a byte-by-byte difference, or literal bytes.
///
/// Its bytes are the content of one Zstandard frame: the lengths of five streams, then the streams.
///
/// 1. `control`: for each piece, the number of bytes copied from the old bytes, the number of literal bytes, and the
///    distance to the next piece in the old bytes;
/// 2. `gaps` and 3. `lengths`: for each run of differences, the number of unchanged bytes before it, and its length;
/// 4. `values`: the differences of all runs, modulo 256;
/// 5. `literals`: the literal bytes.
public struct BinaryDifference: Equatable, Sendable {
  /// Maximum number of bytes of a difference before compression.
  public static let limit = 3 * BundleLimits.segment

  /// A piece of the new bytes: copied bytes, then literal bytes.
  public struct Piece: Equatable, Sendable {
    /// Number of bytes copied from the old bytes, to which differences are added.
    public var copied: Int
    /// Number of literal bytes after the copied ones.
    public var literal: Int
    /// Distance in the old bytes from the end of this piece to the beginning of the next one.
    public var seek: Int

    public init(copied: Int, literal: Int, seek: Int) {
      self.copied = copied
      self.literal = literal
      self.seek = seek
    }
  }

  /// The five streams.
  public private(set) var streams: [[UInt8]] = Array(repeating: [], count: 5)

  /// Computes the difference from a division into pieces.
  ///
  /// - Parameter pieces: Pieces that together make up all new bytes. The first one copies from the beginning of the old
  ///   bytes.
  public init(of new: [UInt8], from old: [UInt8], pieces: [Piece]) {
    var (newPlace, oldPlace, gap) = (0, 0, 0)
    for piece in pieces {
      streams[0].append(number: piece.copied)
      streams[0].append(number: piece.literal)
      streams[0].append(signedNumber: piece.seek)
      var run = 0
      func end() {
        guard run > 0 else { return }
        streams[1].append(number: gap)
        streams[2].append(number: run)
        (gap, run) = (0, 0)
      }
      for index in 0..<piece.copied {
        let value = new[newPlace + index] &- old[oldPlace + index]
        if value == 0 {
          end()
          gap += 1
        } else {
          run += 1
          streams[3].append(value)
        }
      }
      end()
      newPlace += piece.copied
      streams[4].append(contentsOf: new[newPlace..<newPlace + piece.literal])
      newPlace += piece.literal
      oldPlace += piece.copied + piece.seek
    }
  }

  /// The lengths of the streams, as encoded before them.
  public var head: [UInt8] {
    var bytes: [UInt8] = []
    for stream in streams { bytes.append(number: stream.count) }
    return bytes
  }

  /// Parses a difference.
  ///
  /// - Throws: `FieldFailure`.
  init(_ bytes: [UInt8]) throws(FieldFailure) {
    var cursor = ByteCursor(bytes[...])
    var lengths: [Int] = []
    for _ in streams { lengths.append(try cursor.number(upTo: Self.limit)) }
    for (index, length) in lengths.enumerated() { streams[index] = Array(try cursor.bytes(length)) }
    guard cursor.rest.isEmpty else { throw FieldFailure("there are bytes after its streams") }
  }

  /// Makes the new bytes.
  ///
  /// - Parameter count: Number of new bytes.
  /// - Throws: `FieldFailure` if the streams do not match the old bytes, each other, or `count`.
  func applied(to old: [UInt8], count: Int) throws(FieldFailure) -> [UInt8] {
    var new = [UInt8]()
    new.reserveCapacity(count)
    var control = ByteCursor(streams[0][...])
    var literals = ByteCursor(streams[4][...])
    var place = 0
    var copied: [Range<Int>] = []
    while new.count < count {
      let length = try control.number(upTo: count - new.count)
      guard place >= 0, place <= old.count, length <= old.count - place else {
        throw FieldFailure("it reads beyond the old bytes")
      }
      copied.append(new.count..<new.count + length)
      new.append(contentsOf: old[place..<place + length])
      new.append(contentsOf: try literals.bytes(try control.number(upTo: count - new.count)))
      let seek = try control.signedNumber()
      guard abs(seek) <= 2 * BundleLimits.prefixBlocks * BundleLimits.block else {
        throw FieldFailure("it reads beyond the old bytes")
      }
      place += length + seek
    }
    guard control.rest.isEmpty, literals.rest.isEmpty else { throw FieldFailure("it has more than its output needs") }
    try addValues(to: &new, in: copied)
    return new
  }

  /// Adds the differences to the copied bytes.
  private func addValues(to new: inout [UInt8], in copied: [Range<Int>]) throws(FieldFailure) {
    var gaps = ByteCursor(streams[1][...])
    var lengths = ByteCursor(streams[2][...])
    var values = ByteCursor(streams[3][...])
    var pieces = copied[...]
    var place = pieces.first?.lowerBound ?? 0
    /// Advances in the copied bytes, across piece boundaries.
    func skip(_ count: Int) throws(FieldFailure) {
      var count = count
      while let piece = pieces.first, count > piece.upperBound - place || place == piece.upperBound {
        count -= piece.upperBound - place
        pieces.removeFirst()
        place = pieces.first?.lowerBound ?? new.count
        if pieces.isEmpty, count > 0 { throw FieldFailure("a difference is beyond the end of the output") }
      }
      place += count
    }
    while !gaps.rest.isEmpty {
      try skip(try gaps.number(upTo: new.count))
      for value in try values.bytes(try lengths.number(upTo: new.count)) {
        try skip(0)
        guard pieces.first != nil else { throw FieldFailure("a difference is beyond the end of the output") }
        new[place] &+= value
        place += 1
      }
    }
    guard lengths.rest.isEmpty, values.rest.isEmpty else { throw FieldFailure("a difference has no position") }
  }
}
