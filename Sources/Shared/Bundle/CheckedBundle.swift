import Hashing

/// A bundle that was checked against the existing old images, as far as is possible before the first write.
public struct CheckedBundle {
  public let bundle: SignedBundle
  let source: any BundleSource
  let bases: [String: any BlockStorage]
  let tables: [SegmentTable]

  /// Reads and checks the segment tables and the old images. Nothing is written.
  ///
  /// - Parameters:
  ///   - source: The bundle, from the end of its head on.
  ///   - bases: Old images by image name. An old image that a complete bundle does not need still saves the download of
  ///     blocks that are found in it.
  ///   - trees: Roots of the hash trees of old images by image name, as recorded at their installation. An image
  ///     without one is read completely.
  /// - Throws: ``BundleFailure``, and errors of source and storage.
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

  /// Checks that the segment digests of an image without a base match its signed hash tree.
  private static func check(_ table: SegmentTable, of image: BundleImage) throws(BundleFailure) {
    // Without a base, a segment without a digest consists of zeros.
    let digests = table.map { segment in
      segment.digest
        ?? HashTree.digest(ofSegment: [UInt8](repeating: 0, count: image.length(ofSegment: segment.number)))
    }
    guard HashTree.root(of: digests) == image.tree else {
      throw .malformed(part: "segment table of '\(image.name)'", reason: "it does not match the signed hash tree")
    }
  }
}
