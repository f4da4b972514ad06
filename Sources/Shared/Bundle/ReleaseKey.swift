import Hashing

/// Identifies a release, to find the bundle that updates it. A device can compute this digest from its own slot.
///
/// It is SHA-256 over the images in the order of their names: for each, the name's UTF-8, a zero byte, and the root of
/// the image's ``HashTree``.
public struct ReleaseKey: Hashable, Sendable, CustomStringConvertible {
  private let digest: Digest

  /// Computes the key of the images in a slot.
  ///
  /// - Parameter trees: Roots of the images' hash trees, by image name.
  public init(of trees: [String: Digest]) {
    let names = trees.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    digest = Digest(of: names.flatMap { Array($0.utf8) + [0] + (trees[$0]?.bytes ?? []) })
  }

  /// The first 16 hexadecimal digits in lower case, as used in file names.
  public var description: String { String(digest.description.prefix(16)) }

  /// File name of the bundle that updates from this release: `station.from-0123456789abcdef.bundle` for
  /// `station.bundle`.
  public func fileName(besides whole: String) -> String {
    let stem = whole.hasSuffix(".bundle") ? String(whole.dropLast(".bundle".count)) : whole
    return "\(stem).from-\(description).bundle"
  }
}

extension BundleManifest {
  /// The key of the release in the bundle.
  public var releaseKey: ReleaseKey {
    ReleaseKey(of: Dictionary(uniqueKeysWithValues: images.map { ($0.name, $0.tree) }))
  }
}
