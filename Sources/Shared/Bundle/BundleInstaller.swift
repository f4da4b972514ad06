import Glibc

/// Installs the images of a bundle into slots.
///
/// An old image helps even if a complete bundle does not need it: blocks found in it are copied, and only frames with
/// other blocks are read from the bundle.
///
/// Each segment with a digest in the bundle is checked before it is written. Blocks that are in the slot already are
/// not written again. At the end, the whole slot is read back from its disk and compared with the signed hash tree. The
/// running slot is only read.
public final class BundleInstaller {
  /// The progress of an installation, in bytes.
  public struct Progress: Equatable, Sendable {
    /// Bytes of the images that are in their slots.
    public var done: UInt64 = 0
    /// Bytes of the images that were read back from their slots. The comparison with the signed hash tree follows at
    /// the end of each image.
    public var checked: UInt64 = 0
    /// Total size of the images.
    public var total: UInt64 = 0
    /// Bytes read from the bundle.
    public var fetched: UInt64 = 0
    /// Bytes written to slots.
    public var written: UInt64 = 0
  }

  private let bundle: SignedBundle
  private let source: any BundleSource
  private let bases: [String: any BlockStorage]
  private let tables: [SegmentTable]
  private let targets: [String: any BlockStorage]
  private let journal: InstallJournal?
  private let report: (Progress) -> Void
  private var progress = Progress()
  private var sinceSync = 0
  /// Buffers, allocated once: the current segment, and a piece of the slot's previous content.
  private var content: [UInt8] = []
  private var present: [UInt8] = []
  /// True while the current segment depends on the base.
  private var needsBase = false
  /// For an old image that a complete bundle does not need: the likely offset of the next blocks, in blocks from their
  /// place in the new image.
  private var shift = 0

  private let syncInterval: Int

  /// Prepares an installation.
  ///
  /// - Parameters:
  ///   - targets: Storage for the images, by image name.
  ///   - journal: Journal for continuing after an interruption; `nil` if the installation cannot continue.
  ///   - syncInterval: Bytes of output between two writes of the journal. The slot is synced before each one.
  ///   - report: Function that is called after each segment.
  public init(
    _ checked: CheckedBundle, targets: [String: any BlockStorage], journal: InstallJournal? = nil,
    syncInterval: Int = 8 << 20, report: @escaping (Progress) -> Void = { _ in }
  ) {
    bundle = checked.bundle
    source = checked.source
    bases = checked.bases
    tables = checked.tables
    self.targets = targets
    self.journal = journal
    self.syncInterval = syncInterval
    self.report = report
  }

  /// Runs the installation.
  ///
  /// - Returns: The final progress.
  /// - Throws: ``BundleFailure``, and errors of source and storage.
  @discardableResult public func run() throws -> Progress {
    let images = bundle.manifest.images
    for image in images { try checkRoom(for: image) }
    progress.fetched += images.reduce(0) { $0 + UInt64($1.tableLength) }
    progress.total = images.reduce(0) { $0 + $1.size }
    let beginning = InstallJournal.Place(image: 0, segment: 0)
    let start = journal?.place(in: bundle.identity).flatMap(valid) ?? beginning
    do {
      for (number, image) in images.enumerated() {
        guard number >= start.image else {
          progress.done += image.size
          continue
        }
        try install(number, image, tables[number], from: number == start.image ? start.segment : 0)
      }
      for (image, table) in zip(images, tables) { try verify(image, table) }
    } catch let failure as BundleFailure where failure.mayBeOfSlot {
      // The slot has wrong content, whatever the cause: the next installation must not build upon it.
      try journal?.note(beginning, in: bundle.identity)
      throw failure
    }
    return progress
  }

  /// Checks that a place exists in the bundle, since a journal may be damaged.
  private func valid(_ place: InstallJournal.Place) -> InstallJournal.Place? {
    let images = bundle.manifest.images
    guard place.image <= images.count else { return nil }
    guard place.image < images.count else { return place.segment == 0 ? place : nil }
    return place.segment <= images[place.image].segmentCount ? place : nil
  }

  private func checkRoom(for image: BundleImage) throws(BundleFailure) {
    guard let target = targets[image.name] else { throw .noTarget(image: image.name) }
    guard target.size >= image.size else { throw .tooLarge(image: image.name, size: image.size, room: target.size) }
  }

  private func install(_ number: Int, _ image: BundleImage, _ table: SegmentTable, from start: Int) throws {
    let decoder = try self.decoder(for: image)
    let bytes = FrameBytes(
      of: "frames of '\(image.name)'", from: source, at: bundle.offset(ofFrames: number),
      end: bundle.offset(ofFrames: number) + image.framesLength
    ) { [unowned self] count in progress.fetched += UInt64(count) }
    let known = image.base == nil ? try bases[image.name].map { try KnownBlocks(of: $0) } : nil
    shift = 0
    var next = start
    progress.done += UInt64(start) * UInt64(BundleLimits.segment)
    func copyOwn(upTo last: Int) throws {
      while next < last {
        try readOwn(next, of: image)
        try put(next, of: image, number)
        next += 1
      }
    }
    for segment in table {
      guard segment.number >= start else {
        bytes.skip(segment.storedLength)
        continue
      }
      try copyOwn(upTo: segment.number)
      if let known, try read(segment, of: image, from: known) {
        bytes.skip(segment.storedLength)
        try put(segment.number, of: image, number)
      } else {
        try make(segment, of: image, by: decoder, from: bytes, known: known)
        guard segment.digest == nil || isMet(segment.digest) else {
          throw needsBase
            ? BundleFailure.otherBase(image: image.name) : .wrongOutput(image: image.name, segment: segment.number)
        }
        try put(segment.number, of: image, number)
      }
      next = segment.number + 1
    }
    try copyOwn(upTo: image.segmentCount)
    try sync(InstallJournal.Place(image: number + 1, segment: 0))
  }

  /// Reads a whole segment from the old image, if it is there at the same place, or moved like the blocks before it.
  private func read(_ segment: Segment, of image: BundleImage, from known: KnownBlocks) throws -> Bool {
    guard let digest = segment.digest else { return false }
    if known.has(digest, atSegment: segment.number) {
      try readOwn(segment.number, of: image)
    } else {
      let place = segment.number * BundleLimits.segmentBlocks + shift
      let length = image.length(ofSegment: segment.number)
      guard shift != 0, try known.read(length, atBlock: place, over: &content) else { return false }
    }
    return isMet(digest)
  }

  /// Makes the content of a segment.
  ///
  /// - Parameters:
  ///   - bundle: The segment's bytes in the bundle; `nil` if it needs none.
  ///   - known: Blocks of an old image, which need not be read from the bundle.
  private func make(
    _ segment: Segment, of image: BundleImage, by decoder: FrameDecoder, from bundle: FrameBytes?, known: KnownBlocks?
  ) throws {
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

  /// Writes the blocks of the current segment that differ from the slot's content.
  private func put(_ segment: Int, of image: BundleImage, _ number: Int) throws {
    let target = try self.target(for: image)
    let place = UInt64(segment) * UInt64(BundleLimits.segment)
    for range in try differences(from: target, at: place) {
      // Avoids a copy of the whole segment.
      let bytes = range.count == content.count ? content : Array(content[range])
      try target.write(bytes, at: place + UInt64(range.lowerBound))
      progress.written += UInt64(range.count)
    }
    progress.done += UInt64(content.count)
    sinceSync += content.count
    if sinceSync >= syncInterval { try sync(InstallJournal.Place(image: number, segment: segment + 1)) }
    report(progress)
  }

  /// True if the current segment has this digest.
  private func isMet(_ digest: Digest?) -> Bool { HashTree.digest(ofSegment: content) == digest }

  private func sync(_ place: InstallJournal.Place) throws {
    for target in targets.values { try target.synchronise() }
    try journal?.note(place, in: bundle.identity)
    sinceSync = 0
  }

  /// Number of a slot's bytes that are compared at once.
  private static let piece = 16 * BundleLimits.block

  /// Finds the runs of blocks in which the current segment differs from the slot's content.
  private func differences(from target: any BlockStorage, at place: UInt64) throws -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    for first in stride(from: 0, to: content.count, by: Self.piece) {
      try target.read(min(Self.piece, content.count - first), at: place + UInt64(first), over: &present)
      for start in stride(from: first, to: first + present.count, by: BundleLimits.block) {
        let range = start..<min(start + BundleLimits.block, first + present.count)
        let isSame = content.withUnsafeBytes { content in
          present.withUnsafeBytes { present in
            guard let one = content.baseAddress, let other = present.baseAddress else { return true }
            return memcmp(one + range.lowerBound, other + range.lowerBound - first, range.count) == 0
          }
        }
        if isSame { continue }
        if let last = ranges.last, last.upperBound == start {
          ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
        } else {
          ranges.append(range)
        }
      }
    }
    return ranges
  }

  /// Checks each byte of an image on a slot's disk against the signed hash tree.
  private func verify(_ image: BundleImage, _ table: SegmentTable) throws {
    let target = try self.target(for: image)
    var digests: [Digest] = []
    digests.reserveCapacity(image.segmentCount)
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: BundleLimits.segment, alignment: BundleLimits.block)
    defer { memory.deallocate() }
    for number in 0..<image.segmentCount {
      let part = UnsafeMutableRawBufferPointer(rebasing: memory[..<image.length(ofSegment: number)])
      try target.readBack(into: part, at: UInt64(number) * UInt64(BundleLimits.segment))
      digests.append(HashTree.digest(ofSegment: UnsafeRawBufferPointer(part)))
      progress.checked += UInt64(part.count)
      report(progress)
    }
    guard HashTree.root(of: digests) == image.tree else { throw try reason(digests, image, table) }
  }

  /// Finds the cause of a failed check: the disk did not keep the written bytes, or the base has changed.
  private func reason(_ digests: [Digest], _ image: BundleImage, _ table: SegmentTable) throws -> BundleFailure {
    let decoder = try self.decoder(for: image)
    var next = 0
    func isKept(upTo end: Int) throws -> Int? {
      while next < end {
        try readOwn(next, of: image)
        guard isMet(digests[next]) else { return next }
        next += 1
      }
      return nil
    }
    for segment in table {
      if let lost = try isKept(upTo: segment.number) { return .notKept(image: image.name, segment: lost) }
      if segment.digest == nil { try make(segment, of: image, by: decoder, from: nil, known: nil) }
      guard segment.digest.map({ $0 == digests[segment.number] }) ?? isMet(digests[segment.number]) else {
        return .notKept(image: image.name, segment: segment.number)
      }
      next = segment.number + 1
    }
    if let lost = try isKept(upTo: image.segmentCount) { return .notKept(image: image.name, segment: lost) }
    return .otherBase(image: image.name)
  }

  /// Reads a segment from the same place in the base.
  private func readOwn(_ number: Int, of image: BundleImage) throws {
    guard let base = bases[image.name] else { throw BundleFailure.noBase(image: image.name) }
    try base.read(
      image.length(ofSegment: number), at: UInt64(number) * UInt64(BundleLimits.segment), over: &content)
    needsBase = true
  }

  private func target(for image: BundleImage) throws(BundleFailure) -> any BlockStorage {
    guard let target = targets[image.name] else { throw .noTarget(image: image.name) }
    return target
  }

  private func decoder(for image: BundleImage) throws -> FrameDecoder {
    FrameDecoder(image, base: image.base == nil ? nil : bases[image.name], new: try target(for: image))
  }
}
