import Bundle
import BootFlow
import DeviceModel
import FATFileSystem
import FoundationEssentials
import HostSystem
import PartitionTable

/// The release in slot A of a disk image of `cultivar build`.
public struct DiskRelease: Sendable {
  private let disk: URL
  /// The boot partition, in bytes of the disk.
  private let boot: Range<UInt64>
  /// The root file system, in bytes of the disk.
  private let root: Range<UInt64>
  /// The slot's own boot partition, in bytes of the disk; `nil` if its files are in the one of all slots.
  private let slotBoot: Range<UInt64>?

  /// Finds slot A in a disk image.
  ///
  /// - Returns: `nil` for a file without a partition table.
  /// - Throws: ``BundleFileFailure`` for a disk without slot A or boot partition, `FileFailure`.
  public init?(_ disk: URL) throws {
    let file = try OpenFile(disk.path)
    let size = try file.seekToEnd()
    let sector = UInt64(GPT.sectorSize)
    let reading = try DiskTableReading(diskSizeInSectors: size / sector) { lba, count in
      try file.read(count * GPT.sectorSize, at: lba * sector)
    }
    guard let table = try? reading.table() else { return nil }
    // A master boot record has no names. Slot A is the first Linux partition there.
    let number: Int? =
      switch table {
      case .gpt(let table): table.partitions.first { $0.name == "root-\(Slot.a.rawValue)" }?.number
      case .mbr(let table): table.partitions.first { $0.type == MasterBootRecord.linuxType }?.number
      }
    guard let boot = table.firstBootPartition, let root = number.flatMap(table.extent) else {
      throw BundleFileFailure(
        .file(disk), reason: "the disk has no boot partition or no slot A",
        remedy: "give a disk image that `cultivar build` wrote for a layout with two slots")
    }
    let start = root.firstLBA * sector
    let head = try file.read(4096, at: start)
    guard let length = StoredFileSystem.size(head: head), length <= root.sectorCount * sector, start + length <= size
    else {
      throw BundleFileFailure(
        .file(disk), reason: "slot A has no complete EROFS, squashfs or ext4 file system",
        remedy: "give the whole disk image of a release")
    }
    let own: Int? =
      switch table {
      case .gpt(let table): table.partitions.first { $0.name == "boot-\(Slot.a.rawValue)" }?.number
      // The first FAT partition has the choice of a slot, if there are several.
      case .mbr(let table):
        table.partitions.filter { $0.type == MasterBootRecord.fat32Type }.dropFirst().first?.number
      }
    slotBoot = own.flatMap(table.extent).map { $0.firstLBA * sector..<$0.endLBA * sector }
    self.disk = disk
    self.boot = boot.firstLBA * sector..<(boot.firstLBA + boot.sectorCount) * sector
    self.root = start..<start + length
  }

  /// Writes the images of the slot to files, with the names and in the order of bundles.
  ///
  /// - Throws: ``BundleFileFailure`` for a boot partition that cannot be read, `FileFailure`.
  func extract(to folder: URL) throws -> [(name: String, file: URL)] {
    try FolderTree.create(folder.path)
    var images = [(name: "root", file: folder.appending(path: "root.img"))]
    try copy(root, to: images[0].file)
    if let slotBoot {
      images.append((name: "boot", file: folder.appending(path: "boot.img")))
      try copy(slotBoot, to: images[1].file)
      return images
    }
    let paths = [
      ("kernel", BootPartition.kernel(.a)), ("initrd", BootPartition.initialRAM(.a)),
      ("loader-uefi", BootPartition.uefiLoader(.a)), ("command-line", BootPartition.commandLine(.a)),
      ("loader-bios", BootPartition.biosLoader(.a)), ("device-trees", BootPartition.deviceTrees(.a)),
    ]
    let disk = try OpenFile(disk.path)
    do {
      let fileSystem = try FATFileSystem(length: UInt64(boot.count)) { offset, count in
        try disk.read(count, at: boot.lowerBound + offset)
      }
      var found: [String: URL] = [:]
      try fileSystem.walk { path, entry in
        // FAT does not distinguish upper and lower case.
        guard let name = paths.first(where: { $0.1.lowercased() == path.lowercased() })?.0, !entry.isFolder else {
          return
        }
        let file = folder.appending(path: "\(name).img")
        try FolderTree.writeFile(file.path, with: [])
        let output = try OpenFile(file.path, for: .updating)
        try fileSystem.forEachPiece(of: entry) { try output.write(Array($0)) }
        found[name] = file
      }
      images += paths.compactMap { name, _ in found[name].map { (name, $0) } }
    } catch let failure as FATFileSystem.Failure {
      throw BundleFileFailure(
        .file(self.disk), reason: "its boot partition cannot be read: \(failure.reason)",
        remedy: "give the whole disk image of a release")
    }
    return images
  }

  /// Reads the release's manifest from the updater's plan in its root file system. The plan contains less than a
  /// bundle's manifest.
  ///
  /// - Parameter images: The images of the release, as files.
  /// - Throws: ``BundleFileFailure`` if there is no plan, or if files of the file system cannot be found.
  func manifest(_ images: [(name: String, file: URL)]) throws -> BundleManifest {
    let root = try images.first { $0.name == "root" }.map { try MappedImage($0.file.path) }
    guard let root, let text = FileLayout(of: root)?.content(of: String(UpdatePlan.path.dropFirst()), in: root),
      let plan = try? JSONDecoder().decode(UpdatePlan.self, from: Data(text))
    else {
      throw BundleFileFailure(
        .file(disk),
        reason: "cannot identify its release: there is no \(UpdatePlan.path) in an EROFS or ext4 file system",
        remedy: "give the bundle of the release, which `cultivar build --format bundle` writes")
    }
    return BundleManifest(
      product: plan.product, devices: [plan.image.deviceClass], version: plan.image.version,
      securityEpoch: plan.securityEpoch, created: plan.buildTime, dataSchema: plan.dataSchema)
  }

  private func copy(_ part: Range<UInt64>, to file: URL) throws {
    try FolderTree.writeFile(file.path, with: [])
    let (from, to) = (try OpenFile(disk.path), try OpenFile(file.path, for: .updating))
    try from.seek(to: part.lowerBound)
    var rest = part.count
    while rest > 0 {
      let bytes = try from.read(atMost: min(rest, 8 << 20))
      if bytes.isEmpty { break }
      try to.write(bytes)
      rest -= bytes.count
    }
  }
}

/// A file system in a partition, recognised by its superblock.
enum StoredFileSystem {
  /// The size of the file system in bytes, which may be less than that of the partition; `nil` for an unknown file
  /// system.
  ///
  /// - Parameter head: The first 2048 bytes or more.
  static func size(head: [UInt8]) -> UInt64? {
    func number(_ offset: Int, _ count: Int) -> UInt64 {
      head[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    guard head.count >= 2048 else { return nil }
    // The kernel's fs/erofs/erofs_fs.h: the number of blocks, and the binary logarithm of their size.
    if number(1024, 4) == 0xe0f5_e1e2, (9...16).contains(head[1036]) { return number(1060, 4) << UInt64(head[1036]) }
    // fs/squashfs/squashfs_fs.h. mksquashfs pads the image to a multiple of 4096 bytes.
    if number(0, 4) == 0x7371_7368 { return (min(number(40, 8), 1 << 48) + 4095) & ~4095 }
    // fs/ext4/ext4.h: a 64-bit number of blocks, and the binary logarithm of their size minus 10.
    if number(1080, 2) == 0xef53, number(1048, 4) <= 6 {
      let blocks = number(1028, 4) | number(1360, 4) << 32
      return min(blocks, 1 << 40) << (10 + number(1048, 4))
    }
    return nil
  }
}
