/// The sizes of the format, and the limits for every bundle. Values in a bundle are checked against these limits before
/// memory is allocated for them. See docs/bundle-format.md.
public enum BundleLimits {
  /// Bytes of a block: the unit of ranges, and a leaf of the hash tree.
  public static let block = 4096
  /// Blocks of a segment: the maximum output of one frame, and the unit that has its own digest.
  public static let segmentBlocks = 128
  /// Bytes of a segment.
  public static let segment = block * segmentBlocks
  /// Maximum number of blocks of an old image that one frame refers to: 4 MiB.
  public static let prefixBlocks = 1024
  /// Maximum number of ranges of these blocks.
  public static let prefixRanges = 64
  /// Maximum bytes of a manifest.
  public static let manifest = 1 << 20
  /// Maximum bytes of the signatures.
  public static let signatures = 512 << 10
  /// Maximum bytes of all segment tables together, which stay in memory during an installation.
  public static let tables = 4 << 20
  /// Maximum bytes of the head of a segment.
  public static let head = 16 << 10
  /// Maximum bytes of an image.
  public static let image: UInt64 = 64 << 30
  /// Maximum number of images in a bundle.
  public static let images = 16
}
