/// A kind of partition table.
public enum PartitionScheme: String, Sendable, CaseIterable {
  /// GUID Partition Table, with a backup at the end of the disk.
  case gpt
  /// Master boot record, which every firmware of a Raspberry Pi reads.
  case mbr
}
