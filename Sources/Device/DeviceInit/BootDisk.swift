import Glibc
import LinuxSystem
import PartitionTable

/// The disk that the device was started from.
public struct BootDisk: Equatable, Sendable {
  /// The kernel's name for the disk: `sda`, `nvme0n1`.
  public var name: String

  /// The path of the device node.
  public var path: String { "/dev/" + name }

  /// Finds the disk that has a partition, among the disks that can be read now.
  ///
  /// - Parameter id: The unique ID of the partition.
  /// - Throws: ``StageFailure`` if two disks have the partition. They were written from the same image, and there is no
  ///   way to tell which of them the boot loader was started from.
  static func find(partition id: PartitionID) throws(StageFailure) -> BootDisk? {
    let found = FileTree.names(in: "/sys/block").filter { name in
      guard let device = try? BlockDevice("/dev/" + name), device.sectorCount > 0,
        let reading = try? DiskTableReading(diskSizeInSectors: device.sectorCount, read: device.read),
        let table = try? reading.table()
      else { return false }
      return table.extents.contains { table.id(number: $0.number) == id }
    }
    return try one(of: found, partition: id).map(BootDisk.init)
  }

  /// Returns the only one of the disks, or `nil` if there is none.
  static func one(of names: [String], partition id: PartitionID) throws(StageFailure) -> String? {
    guard names.count > 1 else { return names.first }
    let list = names.map { "/dev/" + $0 }.joined(separator: " and ")
    throw StageFailure(
      "\(list) both have the boot partition \(id): they were written from the same image, and not started alone. "
        + "Disconnect all but one of them")
  }

  /// Returns the device node of a partition, or `nil` until the kernel shows it.
  ///
  /// - Parameter number: The number of the partition.
  func partitionPath(_ number: Int) -> String? {
    FileTree.names(in: "/sys/block/\(name)").first {
      FileTree.line("/sys/block/\(name)/\($0)/partition") == String(number)
    }.map { "/dev/" + $0 }.flatMap { FileTree.exists($0) ? $0 : nil }
  }
}
