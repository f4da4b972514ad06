/// A number of bytes. Messages show it with a suitable binary unit.
public struct ByteSize: Sendable, Hashable, Comparable, CustomStringConvertible {
  public var bytes: Int64

  public init(bytes: Int64) { self.bytes = bytes }

  /// Converts mebibytes (2^20 bytes).
  public static func mebibytes(_ count: Int64) -> ByteSize { ByteSize(bytes: count << 20) }

  /// The size rounded up to whole mebibytes.
  public var roundedToMebibytes: ByteSize { .mebibytes((bytes + (1 << 20) - 1) >> 20) }

  /// The number with its unit.
  public var description: String {
    let units: [(name: String, shift: Int64)] = [("GiB", 30), ("MiB", 20), ("KiB", 10)]
    for unit in units where bytes >= 1 << 10 {
      // Round first, so that slightly less than 1 MiB becomes "1 MiB" and not "1024 KiB".
      let tenths = (bytes * 10 + (1 << unit.shift) / 2) >> unit.shift
      guard tenths >= 10 else { continue }
      return tenths % 10 == 0 ? "\(tenths / 10) \(unit.name)" : "\(tenths / 10).\(tenths % 10) \(unit.name)"
    }
    return bytes == 1 ? "1 byte" : "\(bytes) bytes"
  }

  public static func < (left: ByteSize, right: ByteSize) -> Bool { left.bytes < right.bytes }
}
