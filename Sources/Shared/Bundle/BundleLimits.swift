/// The sizes of the format, and the limits that hold for every bundle: whatever a bundle says of itself is checked against them before
/// memory is taken for it. See docs/bundle-format.md.
public enum BundleLimits {
  /// Bytes of a block: what ranges are counted in, and the leaves of the hash tree.
  public static let block = 4096
  /// Blocks of a segment: the most that one frame gives, and what has a digest of its own.
  public static let segmentBlocks = 128
  /// Bytes of a segment.
  public static let segment = block * segmentBlocks
  /// Most blocks of an old image that one frame may name: 4 MiB.
  public static let prefixBlocks = 1024
  /// Most ranges that these may be in.
  public static let prefixRanges = 64
  /// Most bytes of a manifest.
  public static let manifest = 1 << 20
  /// Most bytes of the signatures.
  public static let signatures = 512 << 10
  /// Most bytes of all segment tables together, which are held while a bundle is applied.
  public static let tables = 4 << 20
  /// Most bytes of the head of a segment.
  public static let head = 16 << 10
  /// Most bytes of an image.
  public static let image: UInt64 = 64 << 30
  /// Most images of a bundle.
  public static let images = 16
}
