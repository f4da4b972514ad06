import DeviceModel
import PartitionTable

/// What is on a disk, and how large: a list of partitions, the one that grows last.
public struct Layout: Sendable, Equatable {
  /// Name, as a project file has it.
  public var name: String
  /// The partitions, in their order on the disk; they are numbered in it, from 1.
  public var partitions: [LayoutPartition]

  /// Two slots for a small root file system, and a data partition that takes the rest of the disk on first boot.
  public static let applianceAB = Layout(
    name: "appliance-ab",
    partitions: [
      .biosBoot, .boot(.mebibytes(256)), .root(.a, "root-a", .fixed(.mebibytes(512))),
      .root(.b, "root-b", .fixed(.mebibytes(512))), .data(.mebibytes(128)),
    ])

  /// Two slots for a distribution's root file system.
  public static let systemAB = Layout(
    name: "system-ab",
    partitions: [
      .biosBoot, .boot(.mebibytes(256)), .root(.a, "root-a", .fixed(.mebibytes(2048))),
      .root(.b, "root-b", .fixed(.mebibytes(2048))), .data(.mebibytes(256)),
    ])

  /// One slot, which is as large as its content asks for: for devices that are written anew instead of updated.
  public static let systemSingle = Layout(
    name: "system-single",
    partitions: [
      .biosBoot, .boot(.mebibytes(256)), .root(.a, "root", .percent(125, minimum: .mebibytes(64))),
      .data(.mebibytes(256)),
    ])

  /// The layouts that are built in.
  public static let builtIn = [applianceAB, systemAB, systemSingle]

  /// Sectors of one mebibyte; every partition begins at a multiple.
  static let alignment: Int64 = 2048
  /// Sectors behind the last partition: the backup partition table, and the rest of its mebibyte.
  static let tail: Int64 = 2048

  /// Numbers of the partitions, for the boot loaders and the device.
  public var numbers: PartitionNumbers {
    func number(_ role: LayoutPartition.Role) -> Int? {
      partitions.firstIndex { $0.role == role }.map { $0 + 1 }
    }
    // A layout without one of the three would not start; none can be named.
    return PartitionNumbers(
      boot: number(.boot) ?? 0, rootA: number(.root(.a)) ?? 0, rootB: number(.root(.b)), data: number(.data) ?? 0)
  }

  /// The slots that the layout has.
  public var slots: [Slot] { Slot.allCases.filter { slot in self[.root(slot)] != nil } }

  /// The partition for a purpose.
  public subscript(role: LayoutPartition.Role) -> LayoutPartition? { partitions.first { $0.role == role } }

  /// File system of the slots.
  public var rootFileSystem: RootFileSystem {
    get {
      guard case .root(let kind) = self[.root(.a)]?.fileSystem else { return .erofs }
      return kind
    }
    set { change { if case .root = $0.role { $0.fileSystem = .root(newValue) } } }
  }

  /// Size of the boot partition.
  public var bootSize: SizeRule {
    get { self[.boot]?.size ?? .fixed(ByteSize(bytes: 0)) }
    set { change { if $0.role == .boot { $0.size = newValue } } }
  }

  /// Size of each slot.
  public var slotSize: SizeRule {
    get { self[.root(.a)]?.size ?? .fixed(ByteSize(bytes: 0)) }
    set { change { if case .root = $0.role { $0.size = newValue } } }
  }

  /// Size of the data partition.
  public var dataSize: SizeRule {
    get { self[.data]?.size ?? .fixed(ByteSize(bytes: 0)) }
    set { change { if $0.role == .data { $0.size = newValue } } }
  }

  /// Mount options of the data partition, in addition to those of every image.
  public var dataMountOptions: [String] {
    get { self[.data]?.mountOptions ?? [] }
    set { change { if $0.role == .data { $0.mountOptions = newValue } } }
  }

  private mutating func change(_ body: (inout LayoutPartition) -> Void) {
    for index in partitions.indices { body(&partitions[index]) }
  }

  /// What the layout adds to the identity of an image.
  ///
  /// The first line is as it has always been: the build ids of images in the field were made of it.
  public var identity: String {
    var text =
      "Layout(name: \"\(name)\", rootFileSystem: DeviceModel.RootFileSystem.\(rootFileSystem), bootSize: \(bootSize), "
      + "slotSize: \(slotSize), dataSize: \(dataSize))"
    if !dataMountOptions.isEmpty { text += "\ndata: \(dataMountOptions.joined(separator: ","))" }
    return text
  }

  /// The partition table of an image.
  ///
  /// - Parameters:
  ///   - ids: Unique ids of disk and partitions.
  ///   - rootType: Type of the root partitions for the architecture.
  ///   - rootContent: How large the root file system is, for slots that follow it.
  public func table(ids: DiskIdentity, rootType: PartitionType, rootContent: ByteSize) -> GPT {
    var start = Self.alignment
    var rows: [Partition] = []
    for (index, partition) in partitions.enumerated() {
      let size = Self.sectors(partition.size.bytes(content: rootContent))
      rows.append(
        Partition(
          number: index + 1, type: partition.role.type(root: rootType), guid: ids.partition(partition.name),
          firstLBA: UInt64(start), lastLBA: UInt64(start + size - 1),
          attributes: partition.role == .data ? [.freshImage] : [], name: partition.name))
      start += size
    }
    return GPT(diskGUID: ids.disk, partitions: rows, diskSizeInSectors: UInt64(start + Self.tail))
  }

  private static func sectors(_ size: ByteSize) -> Int64 {
    let unit = alignment * Int64(GPT.sectorSize)
    return (size.bytes + unit - 1) / unit * alignment
  }
}

/// How large a partition is in an image.
public enum SizeRule: Sendable, Equatable, CustomStringConvertible {
  /// This size.
  case fixed(ByteSize)
  /// In hundredths of its content, and no smaller than the minimum; at least 100.
  case percent(Int, minimum: ByteSize)
  /// This size in the image; on the device, all that the other partitions leave.
  case rest(ByteSize)

  /// The size for a content, before it is rounded up to whole mebibytes.
  ///
  /// - Parameter content: How large that is which the partition holds; counts for a percentage only.
  public func bytes(content: ByteSize) -> ByteSize {
    switch self {
    case .fixed(let size), .rest(let size): size
    case .percent(let percent, let minimum): max(minimum, ByteSize(bytes: (content.bytes * Int64(percent) + 99) / 100))
    }
  }

  /// The rule, for identities and messages.
  public var description: String {
    switch self {
    case .fixed(let size), .rest(let size): "\(size)"
    case .percent(let percent, let minimum): "\(percent)% and at least \(minimum)"
    }
  }
}

/// One partition of a layout.
public struct LayoutPartition: Sendable, Equatable {
  /// What it is for.
  public enum Role: Sendable, Equatable {
    /// GRUB's core image, where the firmware is a BIOS.
    case biosBoot
    /// The EFI system partition: boot loaders, and kernel and initial RAM file system of each slot.
    case boot
    /// A slot's root file system.
    case root(Slot)
    /// What persists.
    case data

    func type(root: PartitionType) -> PartitionType {
      switch self {
      case .biosBoot: .biosBoot
      case .boot: .efiSystem
      case .root: root
      case .data: .linuxData
      }
    }
  }

  /// What it holds.
  public enum FileSystem: Sendable, Equatable {
    /// Bytes without a file system.
    case none
    /// FAT32.
    case fat32
    /// A read-only root file system.
    case root(RootFileSystem)
    /// ext4 with a journal.
    case ext4
  }

  /// What it is for.
  public var role: Role
  /// Name in the partition table.
  public var name: String
  /// How large it is.
  public var size: SizeRule
  /// What it holds.
  public var fileSystem: FileSystem
  /// Label of the file system, where its kind has one.
  public var label: String?
  /// Further arguments of mke2fs, where the file system is ext4.
  public var fileSystemOptions: [String] = []
  /// Mount options, in addition to those that are safe for every image.
  public var mountOptions: [String] = []

  static let biosBoot = LayoutPartition(
    role: .biosBoot, name: "bios-boot", size: .fixed(.mebibytes(1)), fileSystem: .none)

  static func boot(_ size: ByteSize) -> LayoutPartition {
    LayoutPartition(role: .boot, name: "boot", size: .fixed(size), fileSystem: .fat32, label: "BOOT")
  }

  static func root(_ slot: Slot, _ name: String, _ size: SizeRule) -> LayoutPartition {
    LayoutPartition(
      role: .root(slot), name: name, size: size, fileSystem: .root(.erofs), label: "root",
      // Nothing is written to a slot while it is mounted, so that reserved blocks and a journal would be lost room.
      fileSystemOptions: ["-m", "0", "-O", "^has_journal,^metadata_csum_seed,^orphan_file"])
  }

  static func data(_ size: ByteSize) -> LayoutPartition {
    LayoutPartition(
      role: .data, name: "data", size: .rest(size), fileSystem: .ext4, label: "data",
      fileSystemOptions: ["-m", "1", "-J", "size=16", "-O", "64bit,^orphan_file"])
  }
}
