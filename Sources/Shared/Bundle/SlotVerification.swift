import Hashing

/// Checks each byte of an image on a slot's disk against the signed hash tree.
struct SlotVerification {
  let image: BundleImage
  let table: SegmentTable
  let target: any BlockStorage
  /// The old image, if there is one.
  let base: (any BlockStorage)?

  /// Reads the image back from the disk.
  ///
  /// - Parameter report: Function that receives the number of bytes of each segment.
  /// - Throws: ``BundleFailure``, and errors of the storage.
  func run(_ report: (Int) -> Void) throws {
    var digests: [Digest] = []
    digests.reserveCapacity(image.segmentCount)
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: BundleLimits.segment, alignment: BundleLimits.block)
    defer { memory.deallocate() }
    for number in 0..<image.segmentCount {
      let part = UnsafeMutableRawBufferPointer(rebasing: memory[..<image.length(ofSegment: number)])
      try target.readBack(into: part, at: UInt64(number) * UInt64(BundleLimits.segment))
      digests.append(HashTree.digest(ofSegment: UnsafeRawBufferPointer(part)))
      report(part.count)
    }
    guard HashTree.root(of: digests) == image.tree else { throw try reason(digests) }
  }

  /// Finds the cause of a failed check: the disk did not keep the written bytes, or the base has changed.
  private func reason(_ digests: [Digest]) throws -> BundleFailure {
    let maker = SegmentMaker(image, base: base, new: target)
    var next = 0
    func isKept(upTo end: Int) throws -> Int? {
      while next < end {
        try maker.readBase(next)
        guard maker.isMet(digests[next]) else { return next }
        next += 1
      }
      return nil
    }
    for segment in table {
      if let lost = try isKept(upTo: segment.number) { return .notKept(image: image.name, segment: lost) }
      if segment.digest == nil { try maker.make(segment, from: nil) }
      guard segment.digest.map({ $0 == digests[segment.number] }) ?? maker.isMet(digests[segment.number]) else {
        return .notKept(image: image.name, segment: segment.number)
      }
      next = segment.number + 1
    }
    if let lost = try isKept(upTo: image.segmentCount) { return .notKept(image: image.name, segment: lost) }
    return .otherBase(image: image.name)
  }
}
