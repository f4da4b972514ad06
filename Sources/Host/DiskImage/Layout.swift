import DeviceModel
import PartitionTable

/// The partitions of a disk and their sizes. The last partition grows.
public struct Layout: Sendable, Equatable {
  /// Name, as in a project file.
  public let name: String
  /// True if there is a partition for GRUB's core image, for machines with BIOS.
  public var hasBIOSBoot = true
  /// Size of the boot partition.
  public var bootSize = ByteSize.mebibytes(256)
  /// True if there is a slot B.
  public let hasTwoSlots: Bool
  /// Size of each slot.
  public var slotSize: SizeRule
  /// File system type of the slots.
  public var rootFileSystem = RootFileSystem.erofs
  /// Size of the data partition in an image. On the device, it gets all space that other partitions leave.
  public var dataSize: ByteSize
  /// Mount options of the data partition in addition to the built-in ones.
  public var dataMountOptions: [String] = []

  /// Two slots for a small root file system, and a data partition that grows to the rest of the disk on first boot.
  public static let applianceAB = Layout(
    name: "appliance-ab", hasTwoSlots: true, slotSize: .fixed(.mebibytes(512)), dataSize: .mebibytes(128))

  /// Two slots for a distribution's root file system.
  public static let systemAB = Layout(
    name: "system-ab", hasTwoSlots: true, slotSize: .fixed(.mebibytes(2048)), dataSize: .mebibytes(256))

  /// One slot that is as large as its content requires, for devices that are flashed again instead of updated.
  public static let systemSingle = Layout(
    name: "system-single", hasTwoSlots: false, slotSize: .percent(125, minimum: .mebibytes(64)),
    dataSize: .mebibytes(256))

  /// Number of sectors in a mebibyte. Every partition begins at a multiple of it.
  static let alignment: Int64 = 2048
  /// Number of sectors behind the last partition, for the backup partition table, rounded up to a mebibyte.
  static let tail: Int64 = 2048

  public var slots: [Slot] { hasTwoSlots ? [.a, .b] : [.a] }

  /// Partition numbers for the boot loaders and the device.
  public var numbers: PartitionNumbers {
    let boot = hasBIOSBoot ? 2 : 1
    return PartitionNumbers(
      boot: boot, rootA: boot + 1, rootB: hasTwoSlots ? boot + 2 : nil, data: boot + slots.count + 1)
  }

  /// The layout's part of an image's identity.
  public var identity: String {
    var text = "layout \(name): root \(rootFileSystem.rawValue), boot \(bootSize), slot \(slotSize), data \(dataSize)"
    if !dataMountOptions.isEmpty { text += "\ndata: \(dataMountOptions.joined(separator: ","))" }
    return text
  }

  /// The partition table of an image.
  ///
  /// - Parameters:
  ///   - ids: Ids of the disk and its partitions.
  ///   - rootType: Partition type of root file systems for the architecture.
  ///   - rootContent: Size of the root file system, for slots whose size depends on it.
  public func table(ids: DiskIdentity, rootType: PartitionType, rootContent: ByteSize) -> GPT {
    let slotSize = slotSize.bytes(content: rootContent)
    var start = Self.alignment
    var rows: [Partition] = []
    func add(_ name: String, _ type: PartitionType, _ size: ByteSize, _ attributes: PartitionAttributes = []) {
      let sectors = Self.sectors(size)
      rows.append(
        Partition(
          number: rows.count + 1, type: type, guid: ids.partition(name), firstLBA: UInt64(start),
          lastLBA: UInt64(start + sectors - 1), attributes: attributes, name: name))
      start += sectors
    }
    // The order of `numbers`.
    if hasBIOSBoot { add("bios-boot", .biosBoot, .mebibytes(1)) }
    add("boot", .efiSystem, bootSize)
    for slot in slots { add(hasTwoSlots ? "root-\(slot.rawValue)" : "root", rootType, slotSize) }
    add("data", .linuxData, dataSize, .freshImage)
    return GPT(diskGUID: ids.disk, partitions: rows, diskSizeInSectors: UInt64(start + Self.tail))
  }

  private static func sectors(_ size: ByteSize) -> Int64 {
    let unit = alignment * Int64(GPT.sectorSize)
    return (size.bytes + unit - 1) / unit * alignment
  }
}

/// The rule for the size of a slot in an image.
public enum SizeRule: Sendable, Equatable, CustomStringConvertible {
  case fixed(ByteSize)
  /// A percentage of the content's size, 100 or more, but not less than the minimum.
  case percent(Int, minimum: ByteSize)

  /// The size of a slot, before rounding up to whole mebibytes.
  ///
  /// - Parameter content: Size of the content. Only used for a percentage.
  public func bytes(content: ByteSize) -> ByteSize {
    switch self {
    case .fixed(let size): size
    case .percent(let percent, let minimum): max(minimum, ByteSize(bytes: (content.bytes * Int64(percent) + 99) / 100))
    }
  }

  /// The rule as text for identities and messages.
  public var description: String {
    switch self {
    case .fixed(let size): "\(size)"
    case .percent(let percent, let minimum): "\(percent)% and at least \(minimum)"
    }
  }
}
