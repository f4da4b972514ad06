import DeviceModel
import PartitionTable

/// What is on a disk, and how large: partitions in their order, the data partition last so that it can grow.
public struct Layout: Sendable, Equatable {
  /// Name, as a project file has it.
  public var name: String
  /// File system of the slots.
  public var rootFileSystem: RootFileSystem
  /// Size of the boot partition: boot loaders, and kernel and initial RAM file system of both slots.
  public var bootSize: ByteSize
  /// Size of each of the two slots.
  public var slotSize: ByteSize
  /// Size of the data partition in the image.
  public var dataSize: ByteSize

  /// For an appliance: small slots, and a data partition that takes the rest of the disk on first boot.
  public static let applianceAB = Layout(
    name: "appliance-ab", rootFileSystem: .erofs, bootSize: .mebibytes(256), slotSize: .mebibytes(512),
    dataSize: .mebibytes(128))

  /// The layouts that are built in.
  public static let builtIn = [applianceAB]

  /// Numbers of the partitions: 1 is the BIOS boot partition.
  public static let numbers = PartitionNumbers(boot: 2, rootA: 3, rootB: 4, data: 5)
  /// Number of the partition that GRUB's core image stands in (for BIOS).
  static let biosBootNumber = 1

  /// Sectors of one mebibyte; every partition begins at a multiple.
  static let alignment: Int64 = 2048
  /// Sectors behind the last partition: the backup partition table, and the rest of its mebibyte.
  static let tail: Int64 = 2048

  /// The partition table of an image.
  ///
  /// - Parameters:
  ///   - ids: Unique ids of disk and partitions.
  ///   - rootType: Type of the root partitions for the architecture.
  public func table(ids: DiskIdentity, rootType: PartitionType) -> GPT {
    let parts: [(number: Int, type: PartitionType, size: Int64, name: String)] = [
      (Self.biosBootNumber, .biosBoot, Self.alignment, "bios-boot"),
      (Self.numbers.boot, .efiSystem, sectors(bootSize), "boot"),
      (Self.numbers.rootA, rootType, sectors(slotSize), "root-a"),
      (Self.numbers.rootB, rootType, sectors(slotSize), "root-b"),
      (Self.numbers.data, .linuxData, sectors(dataSize), "data"),
    ]
    var start = Self.alignment
    var partitions: [Partition] = []
    for part in parts {
      partitions.append(
        Partition(
          number: part.number, type: part.type, guid: ids.partition(part.name), firstLBA: UInt64(start),
          lastLBA: UInt64(start + part.size - 1),
          attributes: part.number == Self.numbers.data ? [.freshImage] : [], name: part.name))
      start += part.size
    }
    return GPT(diskGUID: ids.disk, partitions: partitions, diskSizeInSectors: UInt64(start + Self.tail))
  }

  private func sectors(_ size: ByteSize) -> Int64 {
    let unit = Self.alignment * Int64(GPT.sectorSize)
    return (size.bytes + unit - 1) / unit * Self.alignment
  }
}
