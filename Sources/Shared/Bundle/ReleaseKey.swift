/// By what the bundle is found that changes a release: a digest over what a slot has of it, which a device can take from its own slot.
///
/// It is SHA-256 over the images in the order of their names: the name's UTF-8, a zero byte, the root of the image's ``HashTree``.
public struct ReleaseKey: Hashable, Sendable, CustomStringConvertible {
  private let digest: Digest

  /// The key of the images in a slot.
  ///
  /// - Parameter trees: The roots of their trees by their names.
  public init(of trees: [String: Digest]) {
    let names = trees.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    digest = Digest(of: names.flatMap { Array($0.utf8) + [0] + (trees[$0]?.bytes ?? []) })
  }

  /// The first 16 hexadecimal digits, in lower case: what stands in the names of files.
  public var description: String { String(digest.description.prefix(16)) }

  /// Name of the bundle that changes the release with this key: `station.from-0123456789abcdef.bundle` for `station.bundle`.
  public func fileName(besides whole: String) -> String {
    let stem = whole.hasSuffix(".bundle") ? String(whole.dropLast(".bundle".count)) : whole
    return "\(stem).from-\(description).bundle"
  }
}

extension BundleManifest {
  /// The key of the release that the bundle brings.
  public var releaseKey: ReleaseKey {
    ReleaseKey(of: Dictionary(uniqueKeysWithValues: images.map { ($0.name, $0.tree) }))
  }
}
