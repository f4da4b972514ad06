/// One partition of a GUID Partition Table (UEFI specification 2.10, section 5.3.3).
public struct Partition: Sendable, Equatable {
  /// Number from 1, as Linux counts: the place in the entry array.
  public var number: Int
  /// What it is for.
  public var type: PartitionType
  /// The id that tells this partition from all others.
  public var guid: GUID
  /// First sector.
  public var firstLBA: UInt64
  /// Last sector, which belongs to it.
  public var lastLBA: UInt64
  /// Attribute bits.
  public var attributes: PartitionAttributes
  /// Name: at most 36 UTF-16 units.
  public var name: String

  /// Makes a partition.
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

  /// Length in sectors; the table that holds the partition has checked that the end is not before the beginning.
  public var sectorCount: UInt64 { lastLBA - firstLBA + 1 }
}

/// Attribute bits of a partition. Bits 48 to 63 belong to the partition's type.
public struct PartitionAttributes: OptionSet, Sendable, Hashable {
  /// The 64 bits of the entry.
  public let rawValue: UInt64

  /// Makes attributes of the entry's bits.
  public init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// The platform needs this partition.
  public static let required = PartitionAttributes(rawValue: 1 << 0)
  /// A BIOS may boot from it.
  public static let legacyBootable = PartitionAttributes(rawValue: 1 << 2)

  /// On the data partition: this disk is as the image was made, no device has been started from it yet.
  ///
  /// The image writer sets it. The first boot gives the disk and its partitions ids of their own and clears the
  /// bit in the same atomic switch of tables, so that it happens exactly once; see ``GPTUpdate``.
  public static let freshImage = PartitionAttributes(rawValue: 1 << 48)
}
