import DeviceModel
import PartitionTable

/// The partitions of a disk and their sizes. The last partition grows.
public struct Layout: Sendable, Equatable {
  /// Name, as in a project file.
  public let name: String
  /// Kind of the partition table.
  public var scheme = PartitionScheme.gpt
  /// True if there is a partition for GRUB's core image, for machines with BIOS.
  public var hasBIOSBoot = true
  /// True if each slot has a boot partition of its own, and the first partition only has the choice of a slot
  /// (`tryboot`).
  public var hasBootPerSlot = false
  /// Size of the boot partition, or of each boot partition.
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

  /// Size of the partition with the choice of a slot. FAT32 needs 65,525 clusters, and firmware takes a smaller one on a
  /// GUID partition table for FAT16.
  public static let configurationSize = ByteSize.mebibytes(64)

  /// A partition, in the order of the disk.
  private struct Row {
    /// Name, as in a GUID partition table and in the manifest.
    var name: String
    var content: Content

    enum Content { case biosBoot, boot, root, data }
  }

  /// The partitions in the order of the disk.
  private var rows: [Row] {
    func name(_ kind: String, _ slot: Slot) -> String { hasTwoSlots ? "\(kind)-\(slot.rawValue)" : kind }
    return (hasBIOSBoot ? [Row(name: "bios-boot", content: .biosBoot)] : [])
      + [Row(name: hasBootPerSlot ? "choice" : "boot", content: .boot)]
      + (hasBootPerSlot ? slots.map { Row(name: name("boot", $0), content: .boot) } : [])
      + slots.map { Row(name: name("root", $0), content: .root) } + [Row(name: "data", content: .data)]
  }

  /// Number of primary partitions before the extended one, if a master boot record has more than four partitions.
  private static let primaryCount = 3

  /// The number of the partition at an index of ``rows``.
  private func number(at index: Int) -> Int {
    let isLogical = scheme == .mbr && rows.count > 4 && index >= Self.primaryCount
    return isLogical ? index - Self.primaryCount + 5 : index + 1
  }

  private func number(named name: String) -> Int? {
    rows.firstIndex { $0.name == name }.map(number)
  }

  /// Names of the partitions, by number.
  public var names: [Int: String] {
    Dictionary(uniqueKeysWithValues: rows.enumerated().map { (number(at: $0.offset), $0.element.name) })
  }

  /// Partition numbers for the boot loaders and the device.
  public var numbers: PartitionNumbers {
    // Every layout has these partitions.
    PartitionNumbers(
      boot: number(named: hasBootPerSlot ? "choice" : "boot") ?? 1,
      bootA: hasBootPerSlot ? number(named: hasTwoSlots ? "boot-a" : "boot") : nil,
      bootB: hasBootPerSlot ? number(named: "boot-b") : nil,
      rootA: number(named: hasTwoSlots ? "root-a" : "root") ?? 2,
      rootB: number(named: "root-b"), data: number(named: "data") ?? 3)
  }

  /// The layout's part of an image's identity.
  public var identity: String {
    var text = "layout \(name): root \(rootFileSystem.rawValue), boot \(bootSize), slot \(slotSize), data \(dataSize)"
    if scheme != .gpt { text += ", table \(scheme.rawValue)" }
    if hasBootPerSlot { text += ", a boot partition for each slot" }
    if !dataMountOptions.isEmpty { text += "\ndata: \(dataMountOptions.joined(separator: ","))" }
    return text
  }

  private func size(of row: Row, slot: ByteSize) -> ByteSize {
    switch row.content {
    case .biosBoot: .mebibytes(1)
    case .boot: row.name == "choice" ? Self.configurationSize : bootSize
    case .root: slot
    case .data: dataSize
    }
  }

  /// The ID of the first boot partition, in a layout whose devices keep the ids of the image.
  public func bootPartitionID(_ ids: DiskIdentity) -> PartitionID {
    switch scheme {
    case .gpt: .gpt(ids.partition(names[numbers.boot] ?? ""))
    case .mbr: .mbr(signature: ids.diskSignature, number: numbers.boot)
    }
  }

  /// The partition table of an image.
  ///
  /// - Parameters:
  ///   - ids: Ids of the disk and its partitions.
  ///   - rootType: Type of root file systems for the architecture, in a GUID partition table.
  ///   - rootContent: Size of the root file system, for slots whose size depends on it.
  public func table(ids: DiskIdentity, rootType: PartitionType, rootContent: ByteSize) -> DiskTable {
    let slotSize = slotSize.bytes(content: rootContent)
    let sizes = rows.map { Self.sectors(size(of: $0, slot: slotSize)) }
    switch scheme {
    case .gpt: return .gpt(guidTable(sizes, ids: ids, rootType: rootType))
    case .mbr: return .mbr(masterBootRecord(sizes, ids: ids))
    }
  }

  private func guidTable(_ sizes: [Int64], ids: DiskIdentity, rootType: PartitionType) -> GPT {
    var start = Self.alignment
    var partitions: [Partition] = []
    for (row, sectors) in zip(rows, sizes) {
      let type: PartitionType =
        switch row.content {
        case .biosBoot: .biosBoot
        case .boot: .efiSystem
        case .root: rootType
        case .data: .linuxData
        }
      partitions.append(
        Partition(
          number: partitions.count + 1, type: type, guid: ids.partition(row.name), firstLBA: UInt64(start),
          lastLBA: UInt64(start + sectors - 1), attributes: row.content == .data && !hasBootPerSlot ? .freshImage : [],
          name: row.name))
      start += sectors
    }
    return GPT(diskGUID: ids.disk, partitions: partitions, diskSizeInSectors: UInt64(start + Self.tail))
  }

  /// A table whose first partition is for the firmware. Each logical partition has its record in the mebibyte before it.
  ///
  /// The mark of a fresh image makes the device give its disk a new signature. With `tryboot`, the signature is in the
  /// command lines of the slots, where nothing replaces it, so it stays.
  private func masterBootRecord(_ sizes: [Int64], ids: DiskIdentity) -> MasterBootRecord {
    var start = Self.alignment
    var entries: [MasterBootRecord.Entry] = []
    var extendedStart: Int64?
    for (index, (row, sectors)) in zip(rows, sizes).enumerated() {
      let number = number(at: index)
      let record = start
      if number > 4 {
        extendedStart = extendedStart ?? start
        start += Self.alignment
      }
      entries.append(
        MasterBootRecord.Entry(
          number: number,
          type: row.content == .boot ? MasterBootRecord.fat32Type : MasterBootRecord.linuxType,
          firstLBA: UInt64(start), sectorCount: UInt64(sectors), recordLBA: number > 4 ? UInt64(record) : 0))
      start += sectors
    }
    return MasterBootRecord(
      diskSignature: ids.diskSignature, partitions: entries,
      extended: extendedStart.map {
        MasterBootRecord.Entry(
          number: Self.primaryCount + 1, type: MasterBootRecord.extendedType, firstLBA: UInt64($0),
          sectorCount: UInt64(start - $0))
      }, isFreshImage: !hasBootPerSlot)
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
