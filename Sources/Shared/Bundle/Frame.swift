import TaggedFields

/// The instructions for making some blocks of an image.
public struct Frame: Hashable, Sendable {
  /// Number of blocks of output; the last block of an image may be incomplete.
  public var blocks: Int
  public var operation: Operation

  /// An operation that makes blocks. Blocks of the base and of the new image are counted from the start of each image.
  public enum Operation: Hashable, Sendable {
    /// Zeros.
    case zero
    /// Blocks of the base.
    case copyOfBase(from: Int)
    /// Blocks of earlier segments of the new image.
    case copyOfNew(from: Int)
    /// The stored bytes, unchanged.
    case stored(Stored)
    /// A Zstandard frame (RFC 8878).
    case compressed(Stored)
    /// A Zstandard frame with blocks of the base as its prefix.
    case compressedWithPrefix(Stored, [BlockRange])
    /// A ``BinaryDifference`` from the concatenated ranges of the base.
    case difference(Stored, [BlockRange])
    /// A Zstandard frame with a prefix: the last `blocks` blocks of the new image before its output.
    case compressedAfter(Stored, blocks: Int)
  }

  /// Bytes of a frame in the bundle.
  public struct Stored: Hashable, Sendable {
    /// Number of bytes; at most the size of the output.
    public var length: Int
    /// The digest, checked before the bytes are used.
    public var digest: ShortDigest

    public init(length: Int, digest: ShortDigest) {
      self.length = length
      self.digest = digest
    }
  }

  public init(blocks: Int, operation: Operation) {
    self.blocks = blocks
    self.operation = operation
  }

  /// The frame's bytes in the bundle; `nil` if it has none.
  public var stored: Stored? {
    switch operation {
    case .zero, .copyOfBase, .copyOfNew: nil
    case .stored(let stored), .compressed(let stored), .compressedWithPrefix(let stored, _), .difference(let stored, _),
      .compressedAfter(let stored, _):
      stored
    }
  }

  /// True if the output depends on the base.
  var needsBase: Bool {
    switch operation {
    case .copyOfBase, .compressedWithPrefix, .difference: true
    case .zero, .copyOfNew, .stored, .compressed, .compressedAfter: false
    }
  }

  /// True if the output is known from the base alone.
  var isOfBase: Bool {
    switch operation {
    case .zero, .copyOfBase: true
    default: false
    }
  }
}

/// A range of consecutive blocks.
public struct BlockRange: Hashable, Sendable {
  /// The first block.
  public var start: Int
  /// Number of blocks.
  public var count: Int

  public init(start: Int, count: Int) {
    self.start = start
    self.count = count
  }

  /// The block after the last one.
  public var end: Int { start + count }
}

extension Frame {
  /// Codes of the operations in a table.
  private enum Code: UInt8 {
    case zero, copyOfBase, copyOfNew, stored, compressed, compressedWithPrefix, difference, compressedAfter
  }

  /// Appends the frame's row to a table.
  ///
  /// - Parameter block: The first block of the output.
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

  /// Parses a row.
  ///
  /// - Parameters:
  ///   - block: The first block of the output.
  ///   - room: Bytes left in the segment.
  ///   - newBlocks: Number of blocks of the new image before the segment, which exist when it is decoded.
  ///   - baseBlocks: Number of complete blocks of the base; 0 without a base.
  init(
    _ cursor: inout ByteCursor, at block: Int, room: Int, newBlocks: Int, baseBlocks: Int
  ) throws(FieldFailure) {
    guard let code = Code(rawValue: try cursor.byte()) else { throw FieldFailure("an operation is unknown") }
    blocks = try cursor.number(upTo: (room + BundleLimits.block - 1) / BundleLimits.block)
    guard blocks > 0 else { throw FieldFailure("a frame produces no blocks") }
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
