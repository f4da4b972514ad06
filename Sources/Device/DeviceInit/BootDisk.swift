import Glibc
import LinuxSystem
import PartitionTable

/// The disk that the device was started from.
public struct BootDisk: Equatable, Sendable {
  /// The kernel's name of the disk: `sda`, `nvme0n1`.
  public var name: String

  /// Its device node.
  public var path: String { "/dev/" + name }

  /// Disks that can be read now and hold the partition.
  ///
  /// - Parameter guid: unique id of a partition.
  /// - Throws: ``StageFailure`` where two disks hold it: they were written from the same image, and nothing tells
  ///   which of them the boot loader was started from.
  static func find(partition guid: GUID) throws(StageFailure) -> BootDisk? {
    let found = FileTree.names(in: "/sys/block").filter { name in
      guard let device = try? BlockDevice("/dev/" + name), device.sectorCount > 0,
        let reading = try? GPTReading(diskSizeInSectors: device.sectorCount, read: device.read),
        let table = try? reading.table()
      else { return false }
      return table.partitions.contains { $0.guid == guid }
    }
    return try one(of: found, partition: guid).map(BootDisk.init)
  }

  /// The only one of the disks; `nil` where there is none.
  static func one(of names: [String], partition guid: GUID) throws(StageFailure) -> String? {
    guard names.count > 1 else { return names.first }
    let list = names.map { "/dev/" + $0 }.joined(separator: " and ")
    throw StageFailure(
      "\(list) both hold the boot partition \(guid): they were written from the same image and not started alone once. "
        + "Disconnect all but one of them")
  }

  /// The device node of a partition; `nil` while the kernel does not show it.
  ///
  /// - Parameter number: the partition.
  func partitionPath(_ number: Int) -> String? {
    FileTree.names(in: "/sys/block/\(name)").first {
      FileTree.line("/sys/block/\(name)/\($0)/partition") == String(number)
    }.map { "/dev/" + $0 }.flatMap { FileTree.exists($0) ? $0 : nil }
  }
}
