/// A number of bytes, in messages with the binary unit that suits it.
public struct ByteSize: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The number of bytes.
  public var bytes: Int64

  /// Takes a number of bytes.
  public init(bytes: Int64) { self.bytes = bytes }

  /// Takes a number of mebibytes (2^20 bytes).
  public static func mebibytes(_ count: Int64) -> ByteSize { ByteSize(bytes: count << 20) }

  /// The next whole number of mebibytes.
  var roundedToMebibytes: ByteSize { .mebibytes((bytes + (1 << 20) - 1) >> 20) }

  /// The number with its unit.
  public var description: String {
    let units: [(name: String, shift: Int64)] = [("GiB", 30), ("MiB", 20), ("KiB", 10)]
    for unit in units where bytes >= 1 << 10 {
      // Rounded first: a little less than a unit is one of it, not 1024 of the next.
      let tenths = (bytes * 10 + (1 << unit.shift) / 2) >> unit.shift
      guard tenths >= 10 else { continue }
      return tenths % 10 == 0 ? "\(tenths / 10) \(unit.name)" : "\(tenths / 10).\(tenths % 10) \(unit.name)"
    }
    return bytes == 1 ? "1 byte" : "\(bytes) bytes"
  }

  /// The order of the numbers.
  public static func < (left: ByteSize, right: ByteSize) -> Bool { left.bytes < right.bytes }
}
