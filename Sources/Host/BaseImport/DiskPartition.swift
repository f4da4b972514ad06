import ExtFileSystem
import PartitionTable

/// A partition of a disk image, or an image that is one file system.
struct DiskPartition: Sendable {
  /// Number as in Linux; 0 for an image without a partition table.
  var number: Int
  /// Partition id (`PARTUUID`); empty without a table.
  var id: String
  /// Partition name (`PARTLABEL`); empty if the table has none.
  var name: String
  /// Size in bytes according to the table.
  var size: UInt64
  /// Bytes of the partition in the image; shorter than ``size`` if the image ends early.
  var region: FileRange
  /// Format of the content.
  var kind: StoredKind

  /// Name for messages.
  var title: String { number == 0 ? "the image" : "partition \(number)" }

  /// Opens the partition's ext file system.
  ///
  /// - Throws: `ExtFailure`, `FileFailure`.
  func fileSystem() throws -> ExtFileSystem {
    let region = region
    return try ExtFileSystem(length: region.size) { try region.read($0, $1) }
  }

  /// The partitions of a disk image, by GUID partition table or master boot record. Empty if the image has no table and
  /// is not a known file system.
  ///
  /// - Throws: `FileFailure`.
  static func all(in disk: FileRange) throws -> [DiskPartition] {
    let sector = UInt64(GPT.sectorSize)
    func partition(_ number: Int, id: String, name: String, first: UInt64, count: UInt64) throws -> DiskPartition? {
      let (start, overflow) = first.multipliedReportingOverflow(by: sector)
      let (size, excess) = count.multipliedReportingOverflow(by: sector)
      guard !overflow, !excess else { return nil }
      let region = disk.part(from: start, size: size)
      return DiskPartition(
        number: number, id: id, name: name, size: size, region: region, kind: try StoredKind(of: region))
    }
    let whole = try StoredKind(of: disk)
    let reading = try GPTReading(diskSizeInSectors: disk.size / sector) { lba, count in
      try disk.read(lba * sector, count * Int(sector))
    }
    if let table = try? reading.table() {
      return try table.partitions.compactMap {
        try partition(
          $0.number, id: $0.guid.description.lowercased(), name: $0.name, first: $0.firstLBA, count: $0.sectorCount)
      }
    }
    if !whole.hasStartSector,
      let table = try MasterBootRecord(read: { try disk.read($0 * sector, Int(sector)) })
    {
      return try table.partitions.compactMap {
        try partition($0.number, id: table.partitionID(of: $0), name: "", first: $0.firstLBA, count: $0.sectorCount)
      }
    }
    guard whole != .unknown else { return [] }
    return [DiskPartition(number: 0, id: "", name: "", size: disk.size, region: disk, kind: whole)]
  }
}
