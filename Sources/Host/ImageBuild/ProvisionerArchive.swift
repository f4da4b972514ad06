import DebianArchive
import DeviceModel
import DiskImage
import FoundationEssentials
import Hashing
import Hexadecimal
import HostSystem
import PartitionTable
import Project
import PublishedDescriptions
import RootFilesystem

/// The archive of an image for Raspberry Pi's provisioner: a description, and each partition as an Android sparse image.
struct ProvisionerArchive: Sendable {
  private let identity: ImageIdentity
  private let layout: Layout
  private let time: Int64

  /// - Parameter time: Timestamp of everything in the archive, in seconds since 1970.
  init(_ identity: ImageIdentity, _ layout: Layout, time: Int64) {
    self.identity = identity
    self.layout = layout
    self.time = time
  }

  /// Refuses an image that the provisioner has no device for.
  ///
  /// - Throws: `ProjectFailure`.
  static func check(_ image: ImageDefinition, _ formats: [ArtefactFormat]) throws(ProjectFailure) {
    guard formats.contains(.provisioner) else { return }
    _ = try model(ofDeviceClass: image.device.rawValue, image: image.name)
  }

  /// The model in the description. An image for several models is described for the newest one.
  private static func model(ofDeviceClass name: String, image: String) throws(ProjectFailure) -> RaspberryPiModel {
    guard let model = RaspberryPiModel.models(ofDeviceClass: name).first else {
      throw ProjectFailure(
        "the image `\(image)` cannot have the format `idp`: Raspberry Pi's provisioner has no device for \(name)",
        remedy: "remove `idp` from `formats`, or use a device class for Raspberry Pi")
    }
    return model
  }

  /// The artefact with the archive.
  ///
  /// - Throws: `ProjectFailure`, `GPTError`.
  func artefact(image: String, disk: DiskImage, rawImage: String, tools: ToolTree) throws -> Artefact {
    let model = try Self.model(ofDeviceClass: identity.deviceClass, image: image)
    let description = description(image, disk, model)
    let text = try ReadableJSON.encode(description)
    let names = layout.names
    let rows = disk.table.extents.map { (name: names[$0.number] ?? "\($0.number)", bytes: Self.bytes(of: $0)) }
    let time = time
    var key = CacheKey("provisioner-archive 1")
    key.add(try disk.identity())
    key.add(Digest(of: text))
    key.add(tools.identity)
    key.add("\(time)")
    return Artefact(name: "\(image).idp.tar.zst", format: ArtefactFormat.provisioner.rawValue, key: key.hash) { path in
      let folder = "\(path).parts"
      defer { FolderTree.remove(folder) }
      try FolderTree.create(folder)
      var tree = FileTree()
      try tree.add("image.json", .file(.bytes(text)), mode: 0o644, from: "the description")
      for row in rows {
        let file = "\(row.name).simg"
        try disk.writeSparse(row.bytes, of: rawImage, to: "\(folder)/\(file)")
        try tree.add(
          file, .file(.host(path: "\(folder)/\(file)", size: try FolderTree.fileSize("\(folder)/\(file)"))),
          mode: 0o644, from: "the partition \(row.name)")
      }
      try await RootArchive(.tree(tree), time: time, architecture: .arm64, name: image).writeTar(to: path, tools: tools)
    }
  }

  private static func bytes(of partition: DiskTable.Extent) -> Range<Int64> {
    let sector = Int64(GPT.sectorSize)
    return Int64(partition.firstLBA) * sector..<Int64(partition.endLBA) * sector
  }

  private func description(_ image: String, _ disk: DiskImage, _ model: RaspberryPiModel) -> ProvisionerDescription {
    let (numbers, names) = (layout.numbers, layout.names)
    let partitions = disk.table.extents.map { partition in
      let role: ProvisionerDescription.Role =
        switch partition.number {
        // With boot partitions for the slots, this one only has their choice.
        case numbers.boot: numbers.bootA == nil ? .boot : .other
        case numbers.bootA: .bootA
        case numbers.bootB: .bootB
        case numbers.rootA: .rootA
        case numbers.rootB: .rootB
        case numbers.data: .data
        default: .other
        }
      let type =
        switch role {
        case .boot, .bootA, .bootB, .other: "vfat"
        case .rootA, .rootB: layout.rootFileSystem.rawValue
        case .data: "ext4"
        }
      var (typeID, id): (String?, String?) = (nil, nil)
      if case .gpt(let table) = disk.table, let entry = table.partition(number: partition.number) {
        (typeID, id) = ("\(entry.type.guid)", "\(entry.guid)")
      }
      return ProvisionerDescription.Partition(
        name: names[partition.number] ?? "\(partition.number)", role: role,
        size: Int64(partition.sectorCount) * Int64(GPT.sectorSize), type: type, typeID: typeID, id: id)
    }
    let table =
      switch disk.table {
      case .gpt(let table): ProvisionerDescription.Table(label: "gpt", id: "\(table.diskGUID)")
      case .mbr(let table): ProvisionerDescription.Table(label: "dos", id: "0x\(table.diskSignature.hexadecimal)")
      }
    return ProvisionerDescription(
      image, version: identity.version, for: model, size: disk.size, table: table, partitions: partitions)
  }
}
