/// Installs the images of a bundle into slots.
///
/// A complete bundle does not need an old image, but the installation uses one if it exists: blocks in it are copied,
/// and only frames with other blocks are read from the bundle.
///
/// Each segment with a digest in the bundle is checked before it is written. Blocks that the slot already has are not
/// written again. At the end, the whole slot is read back from its disk and compared with the signed hash tree. The
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
      for (image, table) in zip(images, tables) {
        let target = try target(for: image)
        try SlotVerification(image: image, table: table, target: target, base: bases[image.name]).run { count in
          progress.checked += UInt64(count)
          report(progress)
        }
      }
    } catch let failure as BundleFailure where failure.mayBeOfSlot {
      // The slot may have wrong content, so the next installation must not continue from it.
      try journal?.note(beginning, in: bundle.identity)
      throw failure
    }
    return progress
  }

  /// Returns a place if it exists in the bundle; `nil` otherwise. A damaged journal can contain any place.
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
    let target = try target(for: image)
    let bytes = FrameBytes(
      of: "frames of '\(image.name)'", from: source, at: bundle.offset(ofFrames: number),
      end: bundle.offset(ofFrames: number) + image.framesLength
    ) { [unowned self] count in progress.fetched += UInt64(count) }
    let known = image.base == nil ? try bases[image.name].map { try KnownBlocks(of: $0) } : nil
    let maker = SegmentMaker(image, base: bases[image.name], new: target, known: known)
    var writer = SlotWriter(target)
    var next = start
    progress.done += UInt64(start) * UInt64(BundleLimits.segment)
    func put(_ segment: Int) throws {
      let written = try writer.put(maker.content, at: UInt64(segment) * UInt64(BundleLimits.segment))
      progress.written += UInt64(written)
      progress.done += UInt64(maker.content.count)
      sinceSync += maker.content.count
      if sinceSync >= syncInterval { try sync(InstallJournal.Place(image: number, segment: segment + 1)) }
      report(progress)
    }
    func copyBase(upTo last: Int) throws {
      while next < last {
        try maker.readBase(next)
        try put(next)
        next += 1
      }
    }
    for segment in table {
      guard segment.number >= start else {
        bytes.skip(segment.storedLength)
        continue
      }
      try copyBase(upTo: segment.number)
      if try maker.readKnown(segment) {
        bytes.skip(segment.storedLength)
      } else {
        try maker.make(segment, from: bytes)
        guard segment.digest == nil || maker.isMet(segment.digest) else {
          throw maker.needsBase
            ? BundleFailure.otherBase(image: image.name) : .wrongOutput(image: image.name, segment: segment.number)
        }
      }
      try put(segment.number)
      next = segment.number + 1
    }
    try copyBase(upTo: image.segmentCount)
    try sync(InstallJournal.Place(image: number + 1, segment: 0))
  }

  private func sync(_ place: InstallJournal.Place) throws {
    for target in targets.values { try target.synchronise() }
    try journal?.note(place, in: bundle.identity)
    sinceSync = 0
  }

  private func target(for image: BundleImage) throws(BundleFailure) -> any BlockStorage {
    guard let target = targets[image.name] else { throw .noTarget(image: image.name) }
    return target
  }
}
