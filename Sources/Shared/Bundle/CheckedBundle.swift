/// A bundle that can be applied to the old images that are there: all that is known of it before the first write was checked.
public struct CheckedBundle {
  /// The bundle.
  public let bundle: SignedBundle
  let source: any BundleSource
  let bases: [String: any BlockStorage]
  let tables: [SegmentTable]

  /// Reads the segment tables, and checks them and the old images. Nothing is written.
  ///
  /// - Parameters:
  ///   - source: The bundle, from after its head.
  ///   - bases: Old images, by their names in the bundle. One that a whole bundle does not ask for is used all the same, as a place
  ///     where blocks may be found.
  ///   - trees: Roots of the hash trees of old images, by their names, where they were written down when these were installed. An image
  ///     without one is read to its end.
  /// - Throws: ``BundleFailure``, and what source and storage throw.
  public init(
    _ bundle: SignedBundle, from source: any BundleSource, bases: [String: any BlockStorage],
    trees: [String: Digest] = [:]
  ) throws {
    self.bundle = bundle
    self.source = source
    self.bases = bases
    for image in bundle.manifest.images { try Self.check(image, bases[image.name], tree: trees[image.name]) }
    tables = try bundle.tables(from: source)
    for (image, table) in zip(bundle.manifest.images, tables) where image.base == nil {
      try Self.check(table, of: image)
    }
  }

  private static func check(_ image: BundleImage, _ base: (any BlockStorage)?, tree: Digest?) throws {
    guard let wanted = image.base else { return }
    guard let base else { throw BundleFailure.noBase(image: image.name) }
    guard base.size >= wanted.size, try tree ?? HashTree.root(of: base, size: wanted.size) == wanted.tree else {
      throw BundleFailure.otherBase(image: image.name)
    }
  }

  /// Checks that the digests of an image without a base come to its signed tree.
  private static func check(_ table: SegmentTable, of image: BundleImage) throws(BundleFailure) {
    // Without a base, what has no digest of its own is zeros.
    let digests = table.map { segment in
      segment.digest
        ?? HashTree.digest(ofSegment: [UInt8](repeating: 0, count: image.length(ofSegment: segment.number)))
    }
    guard HashTree.root(of: digests) == image.tree else {
      throw .malformed(part: "segment table of '\(image.name)'", reason: "it does not come to the signed tree")
    }
  }
}
