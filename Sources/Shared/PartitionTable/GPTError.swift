/// An error in a partition table.
public enum GPTError: Error, Equatable, Sendable {
  /// The sector does not begin with the table's signature.
  case noSignature
  /// The header's checksum does not match.
  case headerChecksum
  /// The checksum of the entries does not match.
  case entriesChecksum
  /// The header states that it belongs to another sector.
  case misplaced(expected: UInt64, found: UInt64)
  /// The header contains impossible sizes.
  case invalidGeometry
  /// The disk ends before the table does.
  case truncated
  /// The disk is too small for a table and its backup, or the entries reach into the partitions.
  case noRoomForTable
  /// A partition's number is used twice or is not in 1...128.
  case invalidNumber(Int)
  /// A partition has no type or no ID.
  case missingID(partition: Int)
  /// A partition is not between the first and the last usable sector.
  case outsideDisk(partition: Int)
  /// A partition's name has more than 36 UTF-16 units.
  case nameTooLong(partition: Int)
  /// Two partitions share sectors.
  case overlap(partition: Int, other: Int)
  /// The boot code is longer than 440 bytes.
  case bootCodeTooLong
}

extension GPTError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noSignature: "there is no GUID partition table"
    case .headerChecksum: "the header's checksum does not match"
    case .entriesChecksum: "the checksum of the partition entries does not match"
    case .misplaced(let expected, let found): "the header in sector \(expected) says that it belongs in sector \(found)"
    case .invalidGeometry: "the header has invalid sizes"
    case .truncated: "the disk ends before the table does"
    case .noRoomForTable: "there is no room for the table and its backup"
    case .invalidNumber(let number): "partition number \(number) is used twice or is not in 1...128"
    case .missingID(let number): "partition \(number) has no type or no ID"
    case .outsideDisk(let number): "partition \(number) reaches outside of the usable part of the disk"
    case .nameTooLong(let number): "the name of partition \(number) has more than 36 characters"
    case .overlap(let first, let second): "partitions \(first) and \(second) overlap"
    case .bootCodeTooLong: "the boot code has more than 440 bytes"
    }
  }
}
