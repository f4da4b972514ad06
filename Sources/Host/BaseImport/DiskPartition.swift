import ExtFileSystem
import PartitionTable

/// A partition of a disk image, or the image itself where it is one file system.
struct DiskPartition: Sendable {
  /// Number as Linux counts; 0 for an image without a table.
  var number: Int
  /// Id (`PARTUUID`); empty without a table.
  var id: String
  /// Name (`PARTLABEL`); empty where the table has none.
  var name: String
  /// Bytes that the table says it has.
  var size: UInt64
  /// Where it is; shorter than ``size`` where the image ends early.
  var region: FileRange
  /// What it holds.
  var kind: StoredKind

  /// What to call it in messages.
  var title: String { number == 0 ? "the image" : "partition \(number)" }

  /// The file system of the family ext.
  ///
  /// - Throws: `ExtFailure`, `FileFailure`.
  func fileSystem() throws -> ExtFileSystem {
    let region = region
    return try ExtFileSystem(length: region.size) { try region.read($0, $1) }
  }

  /// The partitions of a disk image: by GUID partition table or master boot record; empty where it has none and is no file system.
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
