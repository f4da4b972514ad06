import Hashing
import TaggedFields

/// The instructions for making a segment of an image.
public struct Segment: Equatable, Sendable {
  /// Number of the segment, from 0.
  public var number: Int
  /// The digest in the ``HashTree``; `nil` if the segment, and so its digest, is known from the base alone.
  public var digest: Digest?
  /// The frames, or the location of their description.
  public var content: Content

  /// The part of a segment's description that is in the table.
  public enum Content: Equatable, Sendable {
    case frames([Frame])
    /// Length and digest of the segment's ``SegmentHead``, which precedes its frames, and the length of the frames.
    case head(length: Int, digest: ShortDigest, framesLength: Int)
  }

  public init(number: Int, digest: Digest?, content: Content) {
    self.number = number
    self.digest = digest
    self.content = content
  }

  /// Number of the segment's bytes in the bundle.
  public var storedLength: Int {
    switch content {
    case .frames(let frames): frames.reduce(0) { $0 + ($1.stored?.length ?? 0) }
    case .head(let length, _, let framesLength): length + framesLength
    }
  }
}

/// The segments of an image that differ from the base's segments of the same number, in order.
///
/// The table is decoded on each use, because it takes less memory than its decoded segments.
public struct SegmentTable: Sequence, Sendable {
  private let bytes: [UInt8]
  private let image: BundleImage

  private enum Code: UInt8 {
    case ofBase, frames, head
  }

  /// Checks all rows of a table.
  ///
  /// - Throws: ``BundleFailure/altered(part:)``, ``BundleFailure/malformed(part:reason:)``.
  public init(_ bytes: [UInt8], of image: BundleImage) throws(BundleFailure) {
    guard Digest(of: bytes) == image.tableDigest else { throw .altered(part: "segment table of '\(image.name)'") }
    (self.bytes, self.image) = (bytes, image)
    do throws(FieldFailure) {
      var reader = Reader(bytes[...], of: image)
      var stored = 0
      while let segment = try reader.next() { stored += segment.storedLength }
      guard stored == image.framesLength else {
        throw FieldFailure("its frames have \(stored) bytes in total, not \(image.framesLength)")
      }
    } catch {
      throw .malformed("segment table of '\(image.name)'", error)
    }
  }

  /// Iterates over the segments, which were checked before.
  public func makeIterator() -> AnyIterator<Segment> {
    var reader = Reader(bytes[...], of: image)
    return AnyIterator { (try? reader.next()) ?? nil }
  }

  /// Encodes a table of segments.
  ///
  /// - Precondition: The segments are in ascending order.
  public static func bytes(of segments: some Sequence<Segment>) -> [UInt8] {
    var bytes: [UInt8] = []
    var next = 0
    for segment in segments {
      precondition(segment.number >= next, "segments are in order")
      bytes.append(number: segment.number - next)
      next = segment.number + 1
      switch (segment.content, segment.digest) {
      case (.frames(let frames), let digest):
        bytes.append((digest == nil ? Code.ofBase : .frames).rawValue)
        bytes.append(contentsOf: digest?.bytes ?? [])
        SegmentHead.write(frames, of: segment.number, to: &bytes)
      case (.head(let length, let short, let framesLength), let digest):
        guard let digest else { preconditionFailure("what has a head is not of the base") }
        bytes.append(Code.head.rawValue)
        bytes.append(contentsOf: digest.bytes)
        bytes.append(number: length)
        bytes.append(contentsOf: short.bytes)
        bytes.append(number: framesLength)
      }
    }
    return bytes
  }

  private struct Reader {
    private var cursor: ByteCursor
    private let image: BundleImage
    private var following = 0

    init(_ bytes: ArraySlice<UInt8>, of image: BundleImage) {
      cursor = ByteCursor(bytes)
      self.image = image
    }

    /// Reads a row; `nil` at the end, if all segments are described.
    mutating func next() throws(FieldFailure) -> Segment? {
      guard !cursor.rest.isEmpty else {
        try skip(to: image.segmentCount)
        return nil
      }
      let number = following + (try cursor.number(upTo: image.segmentCount - 1 - following))
      try skip(to: number)
      following = number + 1
      guard let code = Code(rawValue: try cursor.byte()) else { throw FieldFailure("a kind of segment is unknown") }
      let digest = code == .ofBase ? nil : Digest(try cursor.bytes(Digest.length))
      guard code == .head else {
        let frames = try SegmentHead.frames(&cursor, of: number, in: image)
        guard digest != nil || frames.allSatisfy(\.isOfBase) else {
          throw FieldFailure("segment \(number) has no digest, and is not from the base")
        }
        return Segment(number: number, digest: digest, content: .frames(frames))
      }
      let length = try cursor.number(upTo: BundleLimits.head)
      let short = ShortDigest(try cursor.bytes(ShortDigest.length))
      let frames = try cursor.number(upTo: image.length(ofSegment: number))
      return Segment(
        number: number, digest: digest, content: .head(length: length, digest: short, framesLength: frames))
    }

    /// Checks that the base contains the segments before `number`, which have no row.
    private func skip(to number: Int) throws(FieldFailure) {
      guard number > following else { return }
      let end = UInt64(number - 1) * UInt64(BundleLimits.segment) + UInt64(image.length(ofSegment: number - 1))
      guard let base = image.base, base.size >= end else {
        throw FieldFailure("segment \(number - 1) is not described")
      }
    }
  }
}

/// The description of a segment before its frames, in a bundle that contains a complete image: the frames, and hints
/// with which a device can find the segment's blocks among its own.
public struct SegmentHead: Equatable, Sendable {
  public var frames: [Frame]
  /// The first eight bytes of each block's leaf in the ``HashTree``, little-endian; empty if there are no hints. Hints
  /// are not trusted: blocks found with them are checked like all others.
  public var hints: [UInt64]

  public init(frames: [Frame], hints: [UInt64]) {
    self.frames = frames
    self.hints = hints
  }

  /// Computes the hints of a segment's content.
  public static func hints(of segment: [UInt8]) -> [UInt64] { HashTree.leaves(ofSegment: segment).map(hint) }

  static func hint(of leaf: Digest) -> UInt64 { leaf.bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) } }

  public func bytes(ofSegment number: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    Self.write(frames, of: number, to: &bytes)
    for hint in hints { withUnsafeBytes(of: hint.littleEndian) { bytes.append(contentsOf: $0) } }
    return bytes
  }

  /// Parses a head.
  ///
  /// - Throws: ``BundleFailure/malformed(part:reason:)``.
  public init(_ bytes: [UInt8], ofSegment number: Int, in image: BundleImage) throws(BundleFailure) {
    do throws(FieldFailure) {
      var cursor = ByteCursor(bytes[...])
      frames = try Self.frames(&cursor, of: number, in: image)
      let blocks = image.blocks(ofSegment: number)
      guard cursor.rest.isEmpty || cursor.rest.count == blocks * 8 else {
        throw FieldFailure("it has \(cursor.rest.count) bytes of hints; the limit is \(blocks * 8)")
      }
      hints = []
      while !cursor.rest.isEmpty { hints.append(try cursor.bytes(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }) }
    } catch {
      throw .malformed("head of segment \(number) of '\(image.name)'", error)
    }
  }

  fileprivate static func write(_ frames: [Frame], of number: Int, to bytes: inout [UInt8]) {
    var block = number * BundleLimits.segmentBlocks
    for frame in frames {
      frame.write(to: &bytes, at: block)
      block += frame.blocks
    }
  }

  /// Parses rows until they fill the segment.
  fileprivate static func frames(
    _ cursor: inout ByteCursor, of number: Int, in image: BundleImage
  ) throws(FieldFailure) -> [Frame] {
    let first = number * BundleLimits.segmentBlocks
    let baseBlocks = Int((image.base?.size ?? 0) / UInt64(BundleLimits.block))
    var (frames, block, room) = ([Frame](), first, image.length(ofSegment: number))
    while room > 0 {
      let frame = try Frame(&cursor, at: block, room: room, newBlocks: first, baseBlocks: baseBlocks)
      frames.append(frame)
      block += frame.blocks
      room -= frame.blocks * BundleLimits.block
    }
    return frames
  }
}
