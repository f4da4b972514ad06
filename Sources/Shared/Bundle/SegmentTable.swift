import TaggedFields

/// How a segment of an image is made.
public struct Segment: Equatable, Sendable {
  /// Which one, from 0.
  public var number: Int
  /// Its digest in the ``HashTree``; `nil` where it is known from the base alone, and so is the digest.
  public var digest: Digest?
  /// Its frames, or where they are described.
  public var content: Content

  /// What a table has of a segment.
  public enum Content: Equatable, Sendable {
    /// Its frames.
    case frames([Frame])
    /// Length and digest of its ``SegmentHead``, which stands before its frames, and the bytes of these.
    case head(length: Int, digest: ShortDigest, framesLength: Int)
  }

  /// Describes a segment.
  public init(number: Int, digest: Digest?, content: Content) {
    self.number = number
    self.digest = digest
    self.content = content
  }

  /// Bytes that the bundle has of it.
  public var storedLength: Int {
    switch content {
    case .frames(let frames): frames.reduce(0) { $0 + ($1.stored?.length ?? 0) }
    case .head(let length, _, let framesLength): length + framesLength
    }
  }
}

/// The segments of an image that are not the base's own of the same number, in their order.
///
/// A table is read as it is needed, and twice: it is smaller than what it says.
public struct SegmentTable: Sequence, Sendable {
  private let bytes: [UInt8]
  private let image: BundleImage

  private enum Code: UInt8 {
    case ofBase, frames, head
  }

  /// Checks a table from its first to its last row.
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
        throw FieldFailure("its frames come to \(stored) bytes, not \(image.framesLength)")
      }
    } catch {
      throw .malformed("segment table of '\(image.name)'", error)
    }
  }

  /// The segments, checked before.
  public func makeIterator() -> AnyIterator<Segment> {
    var reader = Reader(bytes[...], of: image)
    return AnyIterator { (try? reader.next()) ?? nil }
  }

  /// The table of segments.
  ///
  /// - Precondition: They are in order.
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

    /// Reads a row; `nil` at the end, where everything is described.
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
          throw FieldFailure("segment \(number) has no digest, and is not of the base")
        }
        return Segment(number: number, digest: digest, content: .frames(frames))
      }
      let length = try cursor.number(upTo: BundleLimits.head)
      let short = ShortDigest(try cursor.bytes(ShortDigest.length))
      let frames = try cursor.number(upTo: image.length(ofSegment: number))
      return Segment(
        number: number, digest: digest, content: .head(length: length, digest: short, framesLength: frames))
    }

    /// Passes over segments that are the base's own.
    private func skip(to number: Int) throws(FieldFailure) {
      guard number > following else { return }
      let end = UInt64(number - 1) * UInt64(BundleLimits.segment) + UInt64(image.length(ofSegment: number - 1))
      guard let base = image.base, base.size >= end else {
        throw FieldFailure("segment \(number - 1) is described nowhere")
      }
    }
  }
}

/// What a bundle that has the whole of an image says of a segment, before its frames: the frames, and what blocks they give, so that a
/// device can look for those among its own.
public struct SegmentHead: Equatable, Sendable {
  /// The frames.
  public var frames: [Frame]
  /// For each block the first eight bytes of its leaf in the ``HashTree``, little-endian; empty where there are none. A hint: what is put
  /// together by it is checked as anything else.
  public var hints: [UInt64]

  /// Describes a segment.
  public init(frames: [Frame], hints: [UInt64]) {
    self.frames = frames
    self.hints = hints
  }

  /// The hints of a segment's content.
  public static func hints(of segment: [UInt8]) -> [UInt64] { HashTree.leaves(ofSegment: segment).map(hint) }

  static func hint(of leaf: Digest) -> UInt64 { leaf.bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) } }

  /// The head's bytes.
  public func bytes(ofSegment number: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    Self.write(frames, of: number, to: &bytes)
    for hint in hints { withUnsafeBytes(of: hint.littleEndian) { bytes.append(contentsOf: $0) } }
    return bytes
  }

  /// Reads a head.
  ///
  /// - Throws: ``BundleFailure/malformed(part:reason:)``.
  public init(_ bytes: [UInt8], ofSegment number: Int, in image: BundleImage) throws(BundleFailure) {
    do throws(FieldFailure) {
      var cursor = ByteCursor(bytes[...])
      frames = try Self.frames(&cursor, of: number, in: image)
      let blocks = image.blocks(ofSegment: number)
      guard cursor.rest.isEmpty || cursor.rest.count == blocks * 8 else {
        throw FieldFailure("it has \(cursor.rest.count) bytes of hints, and may have \(blocks * 8)")
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

  /// Reads rows until they fill the segment.
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
