/// What the blocks of an image were when it was installed. With that the next bundle, which is made from this image, is checked without
/// reading all of the image first.
///
/// Notes need no care of their own: they are used where their digests come to the tree that a manifest has, and so what a power cut left of
/// them, or what is of another image, is not. A checksum that is wrong costs a digest.
public final class BlockNotes {
  /// The notes of one segment.
  struct Row: Equatable {
    /// Of each block its digest, one after the other; zeros where there is none.
    var leaves: [UInt8]
    /// Of each block a checksum.
    var checksums: [UInt64]

    /// The digest of the segment.
    var digest: Digest { Digest(of: leaves) }

    /// A checksum of the segment.
    var checksum: UInt64 { Self.checksum(of: checksums) }

    /// A checksum of a segment's content.
    static func checksum(of content: [UInt8]) -> UInt64 { checksum(of: checksums(of: content)) }

    private static func checksum(of blocks: [UInt64]) -> UInt64 {
      blocks.reduce(UInt64(blocks.count)) { ($0 &<< 9 | $0 &>> 55) &+ $1 }
    }

    /// Notes of no block.
    init() { (leaves, checksums) = ([], []) }

    /// The notes of a segment's content.
    init(of content: [UInt8]) {
      leaves = HashTree.leafBytes(ofSegment: content)
      checksums = Self.checksums(of: content)
    }

    /// Adds those of another row's blocks.
    mutating func append(_ blocks: Range<Int>, of other: Row) {
      leaves += other.leaves[blocks.lowerBound * Digest.length..<blocks.upperBound * Digest.length]
      checksums += other.checksums[blocks]
    }

    /// Fills up what is missing to a segment.
    mutating func fill() { leaves.append(zeros: BundleLimits.block - leaves.count) }

    /// Notes of a block of zeros.
    static let zero = Row(of: [UInt8](repeating: 0, count: BundleLimits.block))

    /// A checksum of each block: four sums of words that take turns, each turned by some bits before the next word, so that their order
    /// counts.
    static func checksums(of content: [UInt8]) -> [UInt64] {
      content.withUnsafeBytes { bytes in
        stride(from: 0, to: bytes.count, by: BundleLimits.block).map { start in
          checksum(
            ofBlock: UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + BundleLimits.block, bytes.count)]))
        }
      }
    }

    private static func checksum(ofBlock bytes: UnsafeRawBufferPointer) -> UInt64 {
      guard let start = bytes.baseAddress else { return 0 }
      var (one, two, three, four): (UInt64, UInt64, UInt64, UInt64) = (1, 2, 3, 4)
      var place = 0
      while place + 32 <= bytes.count {
        one = (one &<< 7 | one &>> 57) &+ start.loadUnaligned(fromByteOffset: place, as: UInt64.self)
        two = (two &<< 7 | two &>> 57) &+ start.loadUnaligned(fromByteOffset: place + 8, as: UInt64.self)
        three = (three &<< 7 | three &>> 57) &+ start.loadUnaligned(fromByteOffset: place + 16, as: UInt64.self)
        four = (four &<< 7 | four &>> 57) &+ start.loadUnaligned(fromByteOffset: place + 24, as: UInt64.self)
        place += 32
      }
      for byte in bytes[place...] { one = one &* 31 &+ UInt64(byte) }
      return [one, two, three, four].reduce(UInt64(bytes.count)) { $0 &* 31 &+ $1 }
    }
  }

  private static let checksumLength = 8
  private static let rowLength = BundleLimits.block + BundleLimits.segmentBlocks * checksumLength
  private let storage: any BlockStorage
  private var last: (segment: Int, row: Row)?

  /// Opens the notes of an image.
  ///
  /// - Parameter storage: As long as ``length(for:)`` says.
  public init(in storage: any BlockStorage) { self.storage = storage }

  /// Bytes that the notes of an image of a size take: some hundredth of it.
  public static func length(for size: UInt64) -> UInt64 {
    let segment = UInt64(BundleLimits.segment)
    return (size + segment - 1) / segment * UInt64(rowLength)
  }

  /// Whether they are of a base.
  func areOf(_ base: BundleImage.Base) throws -> Bool {
    // Parts of blocks are not worth their own rules: file systems have none.
    guard base.size > 0, base.size % UInt64(BundleLimits.block) == 0, storage.size == Self.length(for: base.size) else {
      return false
    }
    let segments = Int(storage.size) / Self.rowLength
    return HashTree.root(of: try (0..<segments).map { try row(of: $0).digest }) == base.tree
  }

  /// The notes of a segment that is made of blocks of the image; `nil` where it is made of something else.
  func row(of frames: [Frame]) throws -> Row? {
    var row = Row()
    for frame in frames {
      switch frame.operation {
      case .zero: for _ in 0..<frame.blocks { row.append(0..<1, of: .zero) }
      case .copyOfBase(let start): try append(BlockRange(start: start, count: frame.blocks), to: &row)
      default: return nil
      }
    }
    row.fill()
    return row
  }

  private func append(_ blocks: BlockRange, to row: inout Row) throws {
    var block = blocks.start
    while block < blocks.end {
      let (segment, first) = block.quotientAndRemainder(dividingBy: BundleLimits.segmentBlocks)
      let end = min(BundleLimits.segmentBlocks, first + blocks.end - block)
      row.append(first..<end, of: try self.row(of: segment))
      block += end - first
    }
  }

  private func row(of segment: Int) throws -> Row {
    if let last, last.segment == segment { return last.row }
    let bytes = try storage.read(Self.rowLength, at: UInt64(segment * Self.rowLength))
    var row = Row()
    row.leaves = Array(bytes[..<BundleLimits.block])
    row.checksums = bytes.withUnsafeBytes { bytes in
      (0..<BundleLimits.segmentBlocks).map {
        UInt64(
          littleEndian: bytes.loadUnaligned(
            fromByteOffset: BundleLimits.block + $0 * Self.checksumLength, as: UInt64.self))
      }
    }
    last = (segment, row)
    return row
  }

  /// Notes a segment.
  func note(_ row: Row, of segment: Int) throws {
    var bytes = row.leaves
    for checksum in row.checksums { withUnsafeBytes(of: checksum.littleEndian) { bytes.append(contentsOf: $0) } }
    bytes.append(zeros: Self.rowLength - bytes.count)
    try storage.write(bytes, at: UInt64(segment * Self.rowLength))
  }
}
