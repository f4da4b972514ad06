import DeviceModel
import PartitionTable

/// `layout:` of an image.
enum LayoutFormat {
  private static let layoutName = Shape<BuiltInLayout>.cases("a layout")

  private static let use = RequiredKey("use", layoutName, "Name of the built-in layout.", example: "appliance-ab")
  private static let root = DefaultedKey(
    "root", Shape<RootFileSystem>.cases("a file system for slots"), default: "erofs", "File system of the slots.",
    example: "squashfs")
  private static let table = OptionalKey(
    "table", Shape<PartitionScheme>.cases("a kind of partition table"),
    "Kind of the partition table. Default: `mbr` on Raspberry Pis, otherwise `gpt`.", example: "gpt")
  private static let boot = OptionalKey(
    "boot", Shape.partitionSize().located, "Size of the boot partition. Default: that of the layout.", example: "256M")
  private static let slot = OptionalKey(
    "slot", Shape.slotSize.located,
    "Size of each slot, or a percentage of the size of its root file system. Default: that of the layout.",
    example: "150%")
  private static let data = OptionalKey(
    "data", Shape.partitionSize().located,
    """
    Size of the data partition in the image. The device enlarges it to the end of its disk. Default: that of the layout.
    """,
    example: "128M")
  private static let dataMountOptions = DefaultedKey(
    "dataMountOptions", Shape<[String]>.list(of: .mountOption), default: [],
    "Mount options of the data partition, in addition to `nosuid`, `nodev` and `noatime`.", example: ["commit=60"])

  /// The name of a layout, or a mapping with changes.
  static let shape = Shape<LayoutChoice>.either(
    scalar: layoutName.located.map { layout in
      LayoutChoice(position: layout.position, base: layout.value)
    },
    otherwise: .object(
      "layout", about: "A built-in layout with changes.", keys: [use, table, root, boot, slot, data, dataMountOptions]
    ) { fields, reading in
      guard let layout = fields[use] else { return nil }
      return LayoutChoice(
        position: fields.position, base: layout, scheme: fields[table], rootFileSystem: fields[root],
        bootSize: size(fields[boot], "boot partition", minimum: layout.minimumBootSize, &reading),
        slotSize: slotSize(fields[slot], minimum: layout.minimumSlotSize, &reading),
        dataSize: size(fields[data], "data partition", minimum: layout.minimumDataSize, &reading),
        dataMountOptions: fields[dataMountOptions])
    })

  /// Checks that a size is large enough for its partition.
  private static func size(
    _ size: Located<Int64>?, _ partition: String, minimum: Int64, _ reading: inout Reading
  ) -> Int64? {
    guard let size else { return nil }
    if size.value < minimum {
      reading.error(
        "a \(partition) of \(size.value.asSize) is too small", at: size.position, hint: "at least \(minimum.asSize)")
    }
    return size.value
  }

  private static func slotSize(_ slot: Located<SlotSize>?, minimum: Int64, _ reading: inout Reading) -> SlotSize? {
    guard case .bytes(let bytes) = slot?.value, let position = slot?.position else { return slot?.value }
    return size(Located(value: bytes, position: position), "slot", minimum: minimum, &reading).map(SlotSize.bytes)
  }
}

extension Shape<String> {
  /// A mount option: its name, or name and value.
  fileprivate static let mountOption = text(
    "a mount option like commit=60", pattern: "[a-z][a-z0-9_]{0,31}(=[A-Za-z0-9_.:-]{1,64})?",
    hint: "write one option, with its value after '='")
}
