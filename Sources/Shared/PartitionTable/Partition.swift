/// A partition in a GUID Partition Table (UEFI specification 2.10, section 5.3.3).
public struct Partition: Sendable, Equatable {
  /// Number from 1, as in Linux: the position in the entry array.
  public var number: Int
  public var type: PartitionType
  /// The partition's unique ID.
  public var guid: GUID
  /// First sector.
  public var firstLBA: UInt64
  /// Last sector of the partition (inclusive).
  public var lastLBA: UInt64
  public var attributes: PartitionAttributes
  /// Name: at most 36 UTF-16 units.
  public var name: String

  public init(
    number: Int, type: PartitionType, guid: GUID, firstLBA: UInt64, lastLBA: UInt64,
    attributes: PartitionAttributes = [], name: String
  ) {
    self.number = number
    self.type = type
    self.guid = guid
    self.firstLBA = firstLBA
    self.lastLBA = lastLBA
    self.attributes = attributes
    self.name = name
  }

  /// Length in sectors. Tables are checked for partitions that end before their beginning.
  public var sectorCount: UInt64 { lastLBA - firstLBA + 1 }
}

/// Attribute bits of a partition. The meaning of bits 48 to 63 depends on the partition's type.
public struct PartitionAttributes: OptionSet, Sendable, Hashable {
  /// The 64 bits of the entry.
  public let rawValue: UInt64

  public init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// The platform needs this partition.
  public static let required = PartitionAttributes(rawValue: 1 << 0)
  /// A BIOS may boot from the partition.
  public static let legacyBootable = PartitionAttributes(rawValue: 1 << 2)

  /// On the data partition: no device has started from this disk since the image was written.
  ///
  /// The image writer sets this bit. The first start gives new IDs to the disk and its partitions and clears the bit in
  /// the same atomic change of the tables, so this happens exactly once; see ``GPTUpdate``.
  public static let freshImage = PartitionAttributes(rawValue: 1 << 48)
}
