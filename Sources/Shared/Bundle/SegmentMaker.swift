import Hashing

/// Makes the content of an image's segments, one at a time.
final class SegmentMaker {
  /// The current segment. The buffer is allocated once.
  private(set) var content: [UInt8] = []
  /// True while the current segment depends on the base.
  private(set) var needsBase = false

  private let image: BundleImage
  private let base: (any BlockStorage)?
  private let decoder: FrameDecoder
  private let known: KnownBlocks?
  /// For an old image that a complete bundle does not need: the likely offset of the next blocks, in blocks from their
  /// place in the new image.
  private var shift = 0

  /// - Parameters:
  ///   - base: The old image, if there is one.
  ///   - new: The new image, which already contains the earlier segments.
  ///   - known: Blocks of an old image, which need not be read from the bundle.
  init(_ image: BundleImage, base: (any BlockStorage)?, new: any BlockStorage, known: KnownBlocks? = nil) {
    (self.image, self.base, self.known) = (image, base, known)
    decoder = FrameDecoder(image, base: image.base == nil ? nil : base, new: new)
  }

  /// Reads a segment from the same place in the base.
  func readBase(_ number: Int) throws {
    guard let base else { throw BundleFailure.noBase(image: image.name) }
    try base.read(
      image.length(ofSegment: number), at: UInt64(number) * UInt64(BundleLimits.segment), over: &content)
    needsBase = true
  }

  /// Reads a whole segment from the old image, if it is there at the same place, or moved like the blocks before it.
  func readKnown(_ segment: Segment) throws -> Bool {
    guard let known, let digest = segment.digest else { return false }
    if known.has(digest, atSegment: segment.number) {
      try readBase(segment.number)
    } else {
      let place = segment.number * BundleLimits.segmentBlocks + shift
      let length = image.length(ofSegment: segment.number)
      guard shift != 0, try known.read(length, atBlock: place, over: &content) else { return false }
    }
    return isMet(digest)
  }

  /// True if the current segment has this digest.
  func isMet(_ digest: Digest?) -> Bool { HashTree.digest(ofSegment: content) == digest }

  /// Makes the content of a segment from its frames.
  ///
  /// - Parameter bundle: The segment's bytes in the bundle; `nil` if it needs none.
  func make(_ segment: Segment, from bundle: FrameBytes?) throws {
    let frames: [Frame]
    var hints: [UInt64] = []
    switch segment.content {
    case .frames(let rows): frames = rows
    case .head(let length, let digest, let framesLength):
      // The bytes to fetch after the head are not known before the head is read.
      let bytes = try bundle?.take(length, of: known.map { _ in length }) ?? []
      let part = "head of segment \(segment.number) of '\(image.name)'"
      guard ShortDigest(of: bytes) == digest else { throw BundleFailure.altered(part: part) }
      let head = try SegmentHead(bytes, ofSegment: segment.number, in: image)
      (frames, hints) = (head.frames, head.hints)
      guard frames.reduce(0, { $0 + ($1.stored?.length ?? 0) }) == framesLength else {
        throw BundleFailure.malformed(part: part, reason: "its frames are not as long as the table says")
      }
    }
    let length = image.length(ofSegment: segment.number)
    content.removeAll(keepingCapacity: true)
    needsBase = frames.contains(where: \.needsBase)
    let runs = known.map { Self.runs(of: frames, hints, besides: $0) }
    for (index, frame) in frames.enumerated() {
      let count = min(frame.blocks * BundleLimits.block, length - content.count)
      var stored: [UInt8] = []
      if let wanted = frame.stored {
        let block = content.count / BundleLimits.block
        let first = segment.number * BundleLimits.segmentBlocks + block
        if let known, !hints.isEmpty,
          try append(hints[block..<block + frame.blocks], at: first, count: count, from: known)
        {
          bundle?.skip(wanted.length)
          continue
        }
        stored = try bundle?.take(wanted.length, of: runs?[index]) ?? []
        guard ShortDigest(of: stored) == wanted.digest else {
          throw BundleFailure.altered(part: "frame \(index) of segment \(segment.number) of '\(image.name)'")
        }
      }
      try decoder.append(frame, segment: segment.number, count: count, stored: stored, to: &content)
    }
  }

  /// For each frame, the number of bytes to fetch from its beginning up to the next frame whose blocks are probably
  /// known.
  private static func runs(of frames: [Frame], _ hints: [UInt64], besides known: KnownBlocks) -> [Int] {
    var runs = [Int](repeating: 0, count: frames.count)
    var (run, end) = (0, hints.count)
    for (index, frame) in frames.enumerated().reversed() {
      let start = max(0, end - frame.blocks)
      if let stored = frame.stored {
        // If its blocks turn out not to be known, the frame is fetched alone.
        let isKnown = !hints.isEmpty && hints[start..<end].allSatisfy(known.mayHave)
        runs[index] = isKnown ? stored.length : run + stored.length
        run = isKnown ? 0 : runs[index]
      }
      end = start
    }
    return runs
  }

  /// Appends blocks of an old image, if it has all of them.
  ///
  /// - Parameter first: Number of the first of these blocks in the new image.
  private func append(_ hints: ArraySlice<UInt64>, at first: Int, count: Int, from known: KnownBlocks) throws -> Bool {
    guard hints.allSatisfy(known.mayHave) else { return false }
    let start = content.count
    for (index, hint) in hints.enumerated() {
      guard let block = try known.block(of: hint, expected: first + index + shift) else {
        content.removeLast(content.count - start)
        return false
      }
      shift = block.number - first - index
      content += block.content.prefix(count - (content.count - start))
    }
    return true
  }
}
