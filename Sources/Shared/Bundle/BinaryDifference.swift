import TaggedFields

/// The difference of new bytes from old ones, for programs: most bytes of a program that was compiled again are where they were but for
/// addresses, which differ by little. The way of bsdiff (Percival, 2003): new bytes are old ones plus a difference, byte by byte, and
/// bytes that are new altogether.
///
/// Its bytes are the content of one Zstandard frame: the lengths of five streams, then the streams.
///
/// 1. `control`: for each piece how many bytes are old ones with a difference, how many are new, and how far to go on in the old bytes
///    from there;
/// 2. `gaps` and 3. `lengths`: for each run of differences how many bytes are as they were before it, and how long it is;
/// 4. `values`: the differences of all runs, modulo 256;
/// 5. `literals`: the new bytes.
public struct BinaryDifference: Equatable, Sendable {
  /// Most bytes that a difference has before it is compressed.
  public static let limit = 3 * BundleLimits.segment

  /// A piece of the new bytes.
  public struct Piece: Equatable, Sendable {
    /// Old bytes, with a difference.
    public var copied: Int
    /// New bytes after them.
    public var literal: Int
    /// From the end of the old bytes to the beginning of the next piece's.
    public var seek: Int

    /// Makes a piece.
    public init(copied: Int, literal: Int, seek: Int) {
      self.copied = copied
      self.literal = literal
      self.seek = seek
    }
  }

  /// The five streams.
  public private(set) var streams: [[UInt8]] = Array(repeating: [], count: 5)

  /// Notes the difference of bytes that are made of pieces.
  ///
  /// - Parameter pieces: They start at the beginning of the old bytes, and make up all the new ones.
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

  /// Lengths of the streams, as they stand before them.
  public var head: [UInt8] {
    var bytes: [UInt8] = []
    for stream in streams { bytes.append(number: stream.count) }
    return bytes
  }

  /// Reads a difference.
  ///
  /// - Throws: `FieldFailure`.
  init(_ bytes: [UInt8]) throws(FieldFailure) {
    var cursor = ByteCursor(bytes[...])
    var lengths: [Int] = []
    for _ in streams { lengths.append(try cursor.number(upTo: Self.limit)) }
    for (index, length) in lengths.enumerated() { streams[index] = Array(try cursor.bytes(length)) }
    guard cursor.rest.isEmpty else { throw FieldFailure("there is something after its streams") }
  }

  /// Makes the new bytes.
  ///
  /// - Parameter count: How many there are.
  /// - Throws: `FieldFailure` where the streams do not fit the old bytes, each other, or the count.
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
        throw FieldFailure("it goes beyond the old bytes")
      }
      copied.append(new.count..<new.count + length)
      new.append(contentsOf: old[place..<place + length])
      new.append(contentsOf: try literals.bytes(try control.number(upTo: count - new.count)))
      let seek = try control.signedNumber()
      guard abs(seek) <= 2 * BundleLimits.prefixBlocks * BundleLimits.block else {
        throw FieldFailure("it goes beyond the old bytes")
      }
      place += length + seek
    }
    guard control.rest.isEmpty, literals.rest.isEmpty else { throw FieldFailure("there is more than its output takes") }
    try addValues(to: &new, in: copied)
    return new
  }

  /// Adds the differences to the bytes that were copied.
  private func addValues(to new: inout [UInt8], in copied: [Range<Int>]) throws(FieldFailure) {
    var gaps = ByteCursor(streams[1][...])
    var lengths = ByteCursor(streams[2][...])
    var values = ByteCursor(streams[3][...])
    var pieces = copied[...]
    var place = pieces.first?.lowerBound ?? 0
    /// Goes on in the copied bytes, over the ends of pieces.
    func skip(_ count: Int) throws(FieldFailure) {
      var count = count
      while let piece = pieces.first, count > piece.upperBound - place || place == piece.upperBound {
        count -= piece.upperBound - place
        pieces.removeFirst()
        place = pieces.first?.lowerBound ?? new.count
        if pieces.isEmpty, count > 0 { throw FieldFailure("a difference lies beyond the output") }
      }
      place += count
    }
    while !gaps.rest.isEmpty {
      try skip(try gaps.number(upTo: new.count))
      for value in try values.bytes(try lengths.number(upTo: new.count)) {
        try skip(0)
        guard pieces.first != nil else { throw FieldFailure("a difference lies beyond the output") }
        new[place] &+= value
        place += 1
      }
    }
    guard lengths.rest.isEmpty, values.rest.isEmpty else { throw FieldFailure("there are differences without a place") }
  }
}
