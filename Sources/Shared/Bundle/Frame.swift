import TaggedFields

/// How some blocks of an image are made.
public struct Frame: Hashable, Sendable {
  /// How many blocks it gives; the last block of an image may be a part of one.
  public var blocks: Int
  /// How it makes them.
  public var operation: Operation

  /// A way to make blocks. Blocks of the base and of the new image are counted from their starts.
  public enum Operation: Hashable, Sendable {
    /// Zeros.
    case zero
    /// Blocks of the base.
    case copyOfBase(from: Int)
    /// Blocks of earlier segments of the new image.
    case copyOfNew(from: Int)
    /// The stored bytes as they are.
    case stored(Stored)
    /// The stored bytes are a Zstandard frame (RFC 8878).
    case compressed(Stored)
    /// A Zstandard frame that may refer to blocks of the base, as if they stood before what it gives.
    case compressedWithPrefix(Stored, [BlockRange])
    /// A ``BinaryDifference`` against blocks of the base, one range after the other.
    case difference(Stored, [BlockRange])
    /// A Zstandard frame that may refer to so many blocks of the new image, those before the first that it gives.
    case compressedAfter(Stored, blocks: Int)
  }

  /// Bytes in a bundle.
  public struct Stored: Hashable, Sendable {
    /// How many; never more than the frame gives.
    public var length: Int
    /// What they must be before anything looks at them.
    public var digest: ShortDigest

    /// Describes stored bytes.
    public init(length: Int, digest: ShortDigest) {
      self.length = length
      self.digest = digest
    }
  }

  /// Makes a frame.
  public init(blocks: Int, operation: Operation) {
    self.blocks = blocks
    self.operation = operation
  }

  /// What the bundle has of it; `nil` where it needs nothing.
  public var stored: Stored? {
    switch operation {
    case .zero, .copyOfBase, .copyOfNew: nil
    case .stored(let stored), .compressed(let stored), .compressedWithPrefix(let stored, _), .difference(let stored, _),
      .compressedAfter(let stored, _):
      stored
    }
  }

  /// Whether what it gives depends on the base.
  var needsBase: Bool {
    switch operation {
    case .copyOfBase, .compressedWithPrefix, .difference: true
    case .zero, .copyOfNew, .stored, .compressed, .compressedAfter: false
    }
  }

  /// Whether what it gives is known from the base alone.
  var isOfBase: Bool {
    switch operation {
    case .zero, .copyOfBase: true
    default: false
    }
  }
}

/// Some blocks in a row.
public struct BlockRange: Hashable, Sendable {
  /// The first of them.
  public var start: Int
  /// How many.
  public var count: Int

  /// Names blocks.
  public init(start: Int, count: Int) {
    self.start = start
    self.count = count
  }

  /// The block after the last.
  public var end: Int { start + count }
}

extension Frame {
  /// Numbers of the operations in a table.
  private enum Code: UInt8 {
    case zero, copyOfBase, copyOfNew, stored, compressed, compressedWithPrefix, difference, compressedAfter
  }

  /// Adds the frame's row to a table.
  ///
  /// - Parameter block: The first block that it gives.
  func write(to bytes: inout [UInt8], at block: Int) {
    func head(_ code: Code) {
      bytes.append(code.rawValue)
      bytes.append(number: blocks)
    }
    func add(_ stored: Stored) {
      bytes.append(number: stored.length)
      bytes.append(contentsOf: stored.digest.bytes)
    }
    func add(_ ranges: [BlockRange]) {
      bytes.append(number: ranges.count)
      var last = block
      for range in ranges {
        bytes.append(signedNumber: range.start - last)
        bytes.append(number: range.count)
        last = range.end
      }
    }
    switch operation {
    case .zero: head(.zero)
    case .copyOfBase(let start):
      head(.copyOfBase)
      bytes.append(signedNumber: start - block)
    case .copyOfNew(let start):
      head(.copyOfNew)
      bytes.append(signedNumber: start - block)
    case .stored(let stored):
      head(.stored)
      bytes.append(contentsOf: stored.digest.bytes)
    case .compressed(let stored):
      head(.compressed)
      add(stored)
    case .compressedWithPrefix(let stored, let ranges):
      head(.compressedWithPrefix)
      add(stored)
      add(ranges)
    case .difference(let stored, let ranges):
      head(.difference)
      add(stored)
      add(ranges)
    case .compressedAfter(let stored, let count):
      head(.compressedAfter)
      add(stored)
      bytes.append(number: count)
    }
  }

  /// Reads a row.
  ///
  /// - Parameters:
  ///   - block: The first block that the frame gives.
  ///   - room: Bytes that are left of the segment.
  ///   - newBlocks: Blocks of the new image before the segment, which are there by then.
  ///   - baseBlocks: Whole blocks of the base; 0 without one.
  init(
    _ cursor: inout ByteCursor, at block: Int, room: Int, newBlocks: Int, baseBlocks: Int
  ) throws(FieldFailure) {
    guard let code = Code(rawValue: try cursor.byte()) else { throw FieldFailure("an operation is unknown") }
    blocks = try cursor.number(upTo: (room + BundleLimits.block - 1) / BundleLimits.block)
    guard blocks > 0 else { throw FieldFailure("a frame gives nothing") }
    let output = min(blocks * BundleLimits.block, room)
    switch code {
    case .zero: operation = .zero
    case .copyOfBase:
      operation = .copyOfBase(from: try Self.start(&cursor, from: block, count: blocks, within: baseBlocks))
    case .copyOfNew:
      operation = .copyOfNew(from: try Self.start(&cursor, from: block, count: blocks, within: newBlocks))
    case .stored:
      operation = .stored(Stored(length: output, digest: ShortDigest(try cursor.bytes(ShortDigest.length))))
    case .compressed:
      operation = .compressed(try Self.stored(&cursor, output: output))
    case .compressedWithPrefix:
      operation = .compressedWithPrefix(
        try Self.stored(&cursor, output: output), try Self.ranges(&cursor, from: block, within: baseBlocks))
    case .difference:
      operation = .difference(
        try Self.stored(&cursor, output: output), try Self.ranges(&cursor, from: block, within: baseBlocks))
    case .compressedAfter:
      let stored = try Self.stored(&cursor, output: output)
      let count = try cursor.number(upTo: min(block, BundleLimits.segmentBlocks))
      guard count > 0 else { throw FieldFailure("a frame refers to no blocks") }
      operation = .compressedAfter(stored, blocks: count)
    }
  }

  private static func stored(_ cursor: inout ByteCursor, output: Int) throws(FieldFailure) -> Stored {
    let length = try cursor.number(upTo: output)
    return Stored(length: length, digest: ShortDigest(try cursor.bytes(ShortDigest.length)))
  }

  private static func start(
    _ cursor: inout ByteCursor, from place: Int, count: Int, within blocks: Int
  ) throws(FieldFailure) -> Int {
    let (start, overflows) = place.addingReportingOverflow(try cursor.signedNumber())
    guard !overflows, start >= 0, start <= blocks, count <= blocks - start else {
      throw FieldFailure("a range of blocks goes beyond its image")
    }
    return start
  }

  private static func ranges(
    _ cursor: inout ByteCursor, from block: Int, within blocks: Int
  ) throws(FieldFailure) -> [BlockRange] {
    var ranges: [BlockRange] = []
    var (last, total) = (block, 0)
    for _ in 0..<(try cursor.number(upTo: BundleLimits.prefixRanges)) {
      let offset = try cursor.signedNumber()
      let count = try cursor.number(upTo: BundleLimits.prefixBlocks - total)
      let (start, overflows) = last.addingReportingOverflow(offset)
      guard !overflows, start >= 0, start <= blocks, count > 0, count <= blocks - start else {
        throw FieldFailure("a range of blocks goes beyond its image")
      }
      ranges.append(BlockRange(start: start, count: count))
      (last, total) = (start + count, total + count)
    }
    guard !ranges.isEmpty else { throw FieldFailure("a frame names no blocks of the base") }
    return ranges
  }
}
