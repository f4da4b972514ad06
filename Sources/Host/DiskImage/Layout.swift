import DeviceModel
import PartitionTable

/// The partitions of a disk and their sizes. The last partition grows.
public struct Layout: Sendable, Equatable {
  /// Name, as in a project file.
  public var name: String
  /// The partitions in the order of the disk, numbered from 1.
  public var partitions: [LayoutPartition]

  /// Two slots for a small root file system, and a data partition that grows to the rest of the disk on first boot.
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

  /// One slot that is as large as its content requires, for devices that are flashed again instead of updated.
  public static let systemSingle = Layout(
    name: "system-single",
    partitions: [
      .biosBoot, .boot(.mebibytes(256)), .root(.a, "root", .percent(125, minimum: .mebibytes(64))),
      .data(.mebibytes(256)),
    ])

  /// Number of sectors in a mebibyte. Every partition begins at a multiple of it.
  static let alignment: Int64 = 2048
  /// Number of sectors behind the last partition, for the backup partition table, rounded up to a mebibyte.
  static let tail: Int64 = 2048

  /// Partition numbers for the boot loaders and the device.
  public var numbers: PartitionNumbers {
    func number(_ role: LayoutPartition.Role) -> Int? {
      partitions.firstIndex { $0.role == role }.map { $0 + 1 }
    }
    // Every built-in layout has these three partitions.
    return PartitionNumbers(
      boot: number(.boot) ?? 0, rootA: number(.root(.a)) ?? 0, rootB: number(.root(.b)), data: number(.data) ?? 0)
  }

  public var slots: [Slot] { Slot.allCases.filter { slot in self[.root(slot)] != nil } }

  /// The partition with a role.
  public subscript(role: LayoutPartition.Role) -> LayoutPartition? { partitions.first { $0.role == role } }

  /// File system type of the slots.
  public var rootFileSystem: RootFileSystem {
    get {
      guard case .root(let kind) = self[.root(.a)]?.fileSystem else { return .erofs }
      return kind
    }
    set { change { if case .root = $0.role { $0.fileSystem = .root(newValue) } } }
  }

  public var bootSize: SizeRule {
    get { self[.boot]?.size ?? .fixed(ByteSize(bytes: 0)) }
    set { change { if $0.role == .boot { $0.size = newValue } } }
  }

  public var slotSize: SizeRule {
    get { self[.root(.a)]?.size ?? .fixed(ByteSize(bytes: 0)) }
    set { change { if case .root = $0.role { $0.size = newValue } } }
  }

  public var dataSize: SizeRule {
    get { self[.data]?.size ?? .fixed(ByteSize(bytes: 0)) }
    set { change { if $0.role == .data { $0.size = newValue } } }
  }

  /// Mount options of the data partition in addition to the built-in ones.
  public var dataMountOptions: [String] {
    get { self[.data]?.mountOptions ?? [] }
    set { change { if $0.role == .data { $0.mountOptions = newValue } } }
  }

  private mutating func change(_ body: (inout LayoutPartition) -> Void) {
    for index in partitions.indices { body(&partitions[index]) }
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

/// The rule for the size of a partition in an image.
public enum SizeRule: Sendable, Equatable, CustomStringConvertible {
  case fixed(ByteSize)
  /// A percentage of the content's size, 100 or more, but not less than the minimum.
  case percent(Int, minimum: ByteSize)
  /// A fixed size in the image; on the device, all space that other partitions leave.
  case rest(ByteSize)

  /// The size of a partition, before rounding up to whole mebibytes.
  ///
  /// - Parameter content: Size of the content. Only used for a percentage.
  public func bytes(content: ByteSize) -> ByteSize {
    switch self {
    case .fixed(let size), .rest(let size): size
    case .percent(let percent, let minimum): max(minimum, ByteSize(bytes: (content.bytes * Int64(percent) + 99) / 100))
    }
  }

  /// The rule as text for identities and messages.
  public var description: String {
    switch self {
    case .fixed(let size), .rest(let size): "\(size)"
    case .percent(let percent, let minimum): "\(percent)% and at least \(minimum)"
    }
  }
}

public struct LayoutPartition: Sendable, Equatable {
  /// The purpose of a partition.
  public enum Role: Sendable, Equatable {
    /// GRUB's core image, for machines with BIOS.
    case biosBoot
    /// The EFI system partition: boot loaders, and kernel and initial RAM file system of each slot.
    case boot
    /// A slot's root file system.
    case root(Slot)
    /// Data that persists across updates.
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

  /// The content of a partition.
  public enum FileSystem: Sendable, Equatable {
    /// No file system.
    case none
    /// FAT32.
    case fat32
    /// A read-only root file system.
    case root(RootFileSystem)
    /// ext4 with a journal.
    case ext4
  }

  public var role: Role
  /// Name in the partition table.
  public var name: String
  public var size: SizeRule
  public var fileSystem: FileSystem
  /// Label of the file system, if its type has one.
  public var label: String?
  /// Additional arguments of mke2fs for ext4.
  public var fileSystemOptions: [String] = []
  /// Mount options in addition to the built-in ones.
  public var mountOptions: [String] = []

  static let biosBoot = LayoutPartition(
    role: .biosBoot, name: "bios-boot", size: .fixed(.mebibytes(1)), fileSystem: .none)

  static func boot(_ size: ByteSize) -> LayoutPartition {
    LayoutPartition(role: .boot, name: "boot", size: .fixed(size), fileSystem: .fat32, label: "BOOT")
  }

  static func root(_ slot: Slot, _ name: String, _ size: SizeRule) -> LayoutPartition {
    LayoutPartition(
      role: .root(slot), name: name, size: size, fileSystem: .root(.erofs), label: "root",
      // A slot is never written while it is mounted, so reserved blocks and a journal would waste space.
      fileSystemOptions: ["-m", "0", "-O", "^has_journal,^metadata_csum_seed,^orphan_file"])
  }

  static func data(_ size: ByteSize) -> LayoutPartition {
    LayoutPartition(
      role: .data, name: "data", size: .rest(size), fileSystem: .ext4, label: "data",
      fileSystemOptions: ["-m", "1", "-J", "size=16", "-O", "64bit,^orphan_file"])
  }
}
