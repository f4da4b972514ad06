/// The description of an image for Raspberry Pi's provisioner: Image Description Provisioning, version 2, with a
/// provisioning map, version 1.
public struct ProvisionerDescription: Encodable, Sendable, Equatable {
  /// Version of the format.
  static let version = "2.2.0"
  /// Version of the format of provisioning maps.
  static let mapVersion = "1.3.0"

  /// The table of partitions.
  public struct Table: Encodable, Sendable, Equatable {
    /// `gpt` or `dos`.
    public var label: String
    /// The disk's UUID, or `0x` and eight hexadecimal digits for `dos`.
    public var id: String

    public init(label: String, id: String) {
      self.label = label
      self.id = id
    }
  }

  /// The part of a partition in the layout.
  public enum Role: Sendable, Equatable {
    case boot, bootA, bootB, rootA, rootB, data, other
  }

  /// A partition.
  public struct Partition: Sendable, Equatable {
    public var name: String
    public var role: Role
    /// Size in bytes.
    public var size: Int64
    /// Type of the file system: `vfat`, `erofs`, `ext4`, `squashfs`.
    public var type: String
    /// UUID of the partition's type and of the partition; `nil` in a `dos` table.
    public var typeID: String?
    public var id: String?

    public init(name: String, role: Role, size: Int64, type: String, typeID: String?, id: String?) {
      self.name = name
      self.role = role
      self.size = size
      self.type = type
      self.typeID = typeID
      self.id = id
    }

    /// Name of the file with the partition's content, an Android sparse image.
    public var file: String { "\(name).simg" }
  }

  private let model: RaspberryPiModel
  private let image: String
  private let version: String
  private let size: Int64
  private let table: Table
  private let partitions: [Partition]

  /// Describes an image.
  ///
  /// - Parameters:
  ///   - image: Name of the image.
  ///   - size: Size of the raw image in bytes.
  public init(
    _ image: String, version: String, for model: RaspberryPiModel, size: Int64, table: Table, partitions: [Partition]
  ) {
    self.image = image
    self.version = version
    self.model = model
    self.size = size
    self.table = table
    self.partitions = partitions
  }

  // MARK: Encoding

  private struct Metadata: Encodable {
    var deviceClass: String
    var variant = "none"
    var storage: String
    var sectorSize = 512
    var version: String

    enum CodingKeys: String, CodingKey {
      case deviceClass = "IGconf_device_class"
      case variant = "IGconf_device_variant"
      case storage = "IGconf_device_storage_type"
      case sectorSize = "IGconf_device_sector_size"
      case version = "IGconf_image_version"
    }
  }

  private struct Attributes: Encodable {
    var name: String
    var size: Int64
    var alignment = "1M"

    enum CodingKeys: String, CodingKey {
      case name = "image-name"
      case size = "image-size"
      case alignment = "image-palign-bytes"
    }
  }

  private struct PartitionImage: Encodable {
    var name: String
    var isInTable = "true"
    var size: Int64
    var image: String
    var sparseImage: String
    var type: String
    var bootable: String
    var mountPoint: String?
    var typeID: String?
    var label: String?
    var id: String?

    enum CodingKeys: String, CodingKey {
      case name, size, image, type, bootable
      case isInTable = "in-partition-table"
      case sparseImage = "simage"
      case mountPoint = "mountpoint"
      case typeID = "partition-type-uuid"
      case label = "partition-label"
      case id = "partition-uuid"
    }
  }

  private struct Reference: Encodable {
    struct Static: Encodable {
      var role: String
    }

    var image: String
    var fixed: Static?
    var expands: Bool?

    enum CodingKeys: String, CodingKey {
      case image
      case fixed = "static"
      case expands = "expand-to-fit"
    }
  }

  private enum MapEntry: Encodable {
    case attributes(isSlotted: Bool)
    case partitions([Reference])
    case slots(a: [Reference], b: [Reference])

    private enum Keys: String, CodingKey {
      case attributes, partitions, slots
      case version = "PMAPversion"
      case kind = "system_type"
      case slotA = "A"
      case slotB = "B"
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: Keys.self)
      switch self {
      case .attributes(let isSlotted):
        var attributes = container.nestedContainer(keyedBy: Keys.self, forKey: .attributes)
        try attributes.encode(ProvisionerDescription.mapVersion, forKey: .version)
        try attributes.encode(isSlotted ? "slotted" : "flat", forKey: .kind)
      case .partitions(let partitions): try container.encode(partitions, forKey: .partitions)
      case .slots(let first, let second):
        var slots = container.nestedContainer(keyedBy: Keys.self, forKey: .slots)
        for (key, partitions) in [(Keys.slotA, first), (Keys.slotB, second)] {
          var slot = slots.nestedContainer(keyedBy: Keys.self, forKey: key)
          try slot.encode(partitions, forKey: .partitions)
        }
      }
    }
  }

  private enum CodingKeys: String, CodingKey {
    case version = "IGversion"
    case metadata = "IGmeta"
    case attributes, layout
    case table = "partitiontable"
    case images = "partitionimages"
    case map = "provisionmap"
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(Self.version, forKey: .version)
    try container.encode(
      Metadata(deviceClass: model.provisionerClass, storage: model.provisionerStorage, version: version),
      forKey: .metadata)
    try container.encode(Attributes(name: "\(image).img", size: size), forKey: .attributes)
    var layout = container.nestedContainer(keyedBy: CodingKeys.self, forKey: .layout)
    try layout.encode(table, forKey: .table)
    let images = partitions.map { partition in
      PartitionImage(
        name: partition.name, size: partition.size, image: "\(partition.name).img", sparseImage: partition.file,
        type: partition.type, bootable: [.boot, .bootA, .bootB].contains(partition.role) ? "true" : "false",
        mountPoint: partition.role == .data ? "/data" : nil, typeID: partition.typeID,
        label: partition.typeID == nil ? nil : partition.name, id: partition.id)
    }
    try layout.encode(Dictionary(images.map { ($0.name, $0) }) { first, _ in first }, forKey: .images)
    try layout.encode(map, forKey: .map)
  }

  /// The provisioning map, in the order of the disk.
  private var map: [MapEntry] {
    let isSlotted = partitions.contains { $0.role == .rootB }
    func references(_ roles: Role...) -> [Reference] {
      partitions.filter { roles.contains($0.role) }.map { partition in
        let role: String? =
          switch partition.role {
          case .boot, .bootA, .bootB: "boot"
          case .rootA, .rootB: "system"
          case .data, .other: nil
          }
        return Reference(
          image: partition.name, fixed: role.map(Reference.Static.init), expands: partition.role == .data ? true : nil)
      }
    }
    var entries: [MapEntry] = [.attributes(isSlotted: isSlotted)]
    let first = references(.other, .boot)
    if !first.isEmpty { entries.append(.partitions(first)) }
    entries.append(
      isSlotted
        ? .slots(a: references(.bootA, .rootA), b: references(.bootB, .rootB))
        : .partitions(references(.bootA, .rootA)))
    entries.append(.partitions(references(.data)))
    return entries
  }
}
