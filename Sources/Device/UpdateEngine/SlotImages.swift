import Bundle
import BootFlow
import DeviceModel
import Glibc
import LinuxSystem

/// The targets of a bundle's images: the partition for the root file system, files on the boot partition for the
/// others. If the slots have boot partitions of their own, the image of a boot partition takes the place of the files.
struct SlotImages {
  let boot: BootRecord
  let files: BootFolder

  /// The name of the image of a slot's boot partition.
  private static let bootName = "boot"

  /// The required images of a release.
  static func names(_ loader: BootLoader) -> [String] {
    loader == .tryboot ? ["root", bootName] : ["root", "kernel", "initrd", "command-line"]
  }

  /// The images that not every release has: boot loaders, which take effect when the release is committed, and the device
  /// trees for U-Boot.
  private var optionalNames: [String] { boot.loader == .tryboot ? [] : ["loader-uefi", "loader-bios", "device-trees"] }
  /// The images that a slot has a place for.
  private var allNames: [String] { Self.names(boot.loader) + optionalNames }

  private func file(_ name: String, of slot: Slot) -> String? {
    guard allNames.contains(name) else { return nil }
    return switch name {
    case "kernel": BootPartition.kernel(slot)
    case "initrd": BootPartition.initialRAM(slot)
    case "command-line": BootPartition.commandLine(slot)
    case "loader-uefi": BootPartition.uefiLoader(slot)
    case "loader-bios": BootPartition.biosLoader(slot)
    case "device-trees": BootPartition.deviceTrees(slot)
    default: nil
    }
  }

  /// Opens the images of the running slot by name, read-only.
  func running() throws -> [String: any BlockStorage] {
    var images: [String: any BlockStorage] = [:]
    if let root = boot.root(of: boot.slot) { images["root"] = try StorageFile(root) }
    images[Self.bootName] = try bootStorage(of: boot.slot)
    for name in allNames {
      guard let path = file(name, of: boot.slot).map(files.absolute), FileTree.exists(path) else { continue }
      images[name] = try StorageFile(path)
    }
    return images
  }

  /// Returns true if a slot has exactly the files for some images, each with the right length.
  func hasFiles(for images: [BundleImage], in slot: Slot) throws -> Bool {
    try allNames.allSatisfy { name in
      guard let file = file(name, of: slot) else { return true }
      return try size(of: file) == images.first { $0.name == name }?.size
    }
  }

  /// Checks that a slot has room for some images. Writes nothing.
  ///
  /// - Throws: ``UpdateFailure``, `BundleFailure`, `SystemError`.
  func checkRoom(for images: [BundleImage], in slot: Slot) throws {
    guard let root = boot.root(of: slot) else { throw UpdateFailure.oneSlotOnly }
    let known = allNames
    for image in images where !known.contains(image.name) { throw BundleFailure.noTarget(image: image.name) }
    if let image = images.first(where: { $0.name == "root" }) {
      let room = try StorageFile(root).size
      guard image.size <= room else { throw BundleFailure.tooLarge(image: "root", size: image.size, room: room) }
    }
    if let image = images.first(where: { $0.name == Self.bootName }), let room = try bootStorage(of: slot)?.size {
      guard image.size <= room else {
        throw BundleFailure.tooLarge(image: image.name, size: image.size, room: room)
      }
    }
    guard try !hasFiles(for: images, in: slot), let space = Mount.space(at: files.path) else { return }
    func taken(_ bytes: UInt64) -> UInt64 { (bytes + space.unit - 1) / space.unit * space.unit }
    let needed = images.reduce(0) { $0 + (file($1.name, of: slot) == nil ? 0 : taken($1.size)) }
    // The slot's old files are removed before the new ones are made.
    let freed = try known.reduce(0) { try $0 + (file($1, of: slot).flatMap(size).map(taken) ?? 0) }
    guard needed <= space.available + freed else {
      throw UpdateFailure.noRoomOnBootPartition(needed: needed, available: space.available + freed)
    }
  }

  /// Replaces a slot's files by empty ones with the lengths of the images.
  ///
  /// A power cut meanwhile may leave the folder and the allocation table of FAT inconsistent. Afterwards the files are
  /// only removed, never opened.
  ///
  /// - Throws: `SystemError`.
  func makeFiles(for images: [BundleImage], in slot: Slot) throws {
    for name in allNames.compactMap({ file($0, of: slot) }) { try files.remove(name) }
    let wanted = images.compactMap { image in file(image.name, of: slot).map { (path: $0, size: image.size) } }
    if wanted.isEmpty { return }
    try FileTree.makeFolders(files.absolute(BootPartition.folder(slot)))
    for (path, size) in wanted { _ = try StorageFile(making: files.absolute(path), size: size) }
  }

  /// Opens the targets in a slot for writing.
  ///
  /// - Throws: ``UpdateFailure``, `SystemError`.
  func places(for images: [BundleImage], in slot: Slot) throws -> [String: any BlockStorage] {
    guard let root = boot.root(of: slot) else { throw UpdateFailure.oneSlotOnly }
    var places: [String: any BlockStorage] = ["root": try StorageFile(root, writable: true)]
    places[Self.bootName] = try bootStorage(of: slot, writable: true)
    for image in images {
      guard let name = file(image.name, of: slot) else { continue }
      places[image.name] = try StorageFile(files.absolute(name), writable: true)
    }
    return places
  }

  /// Opens the boot partition of a slot as the image in a bundle; `nil` if slots have none of their own.
  private func bootStorage(of slot: Slot, writable: Bool = false) throws -> (any BlockStorage)? {
    guard let place = boot.boot(of: slot) else { return nil }
    let partition = SlotBootPartition(slot, number: place.number, on: try BlockDevice(place.path))
    return SlotBootStorage(
      try StorageFile(place.path, writable: writable), image: try SlotBootPartition.Image(of: partition))
  }

  /// Returns the size of a file in bytes, or `nil` if it does not exist.
  private func size(of name: String) throws -> UInt64? {
    let path = files.absolute(name)
    return FileTree.exists(path) ? try StorageFile(path).size : nil
  }

  /// Returns the boot entry of a slot whose images are complete. Without parameters, if they are in the slot's own boot
  /// partition.
  func entry(of slot: Slot, title: String, version: String) throws -> BootEntry {
    BootEntry(
      slot: slot, title: title, version: version,
      commandLine: try files.read(BootPartition.commandLine(slot)) ?? [])
  }
}

/// The boot partition of a slot, read and written as the image in a bundle.
final class SlotBootStorage: BlockStorage {
  private let partition: any BlockStorage
  private let image: SlotBootPartition.Image

  init(_ partition: any BlockStorage, image: SlotBootPartition.Image) {
    self.partition = partition
    self.image = image
  }

  var size: UInt64 { partition.size }

  func read(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
    try partition.read(into: memory, at: offset)
    image.convert(memory, at: offset)
  }

  func write(_ bytes: [UInt8], at offset: UInt64) throws {
    var bytes = bytes
    bytes.withUnsafeMutableBytes { image.convert($0, at: offset) }
    try partition.write(bytes, at: offset)
  }

  func synchronise() throws { try partition.synchronise() }

  func readBack(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
    try partition.readBack(into: memory, at: offset)
    image.convert(memory, at: offset)
  }
}

/// Storage that stops being readable when the installation is cancelled.
final class StoppableStorage: BlockStorage {
  private let storage: any BlockStorage
  private let check: () throws -> Void

  /// - Parameter check: Throws to stop the access.
  init(_ storage: any BlockStorage, check: @escaping () throws -> Void) {
    self.storage = storage
    self.check = check
  }

  var size: UInt64 { storage.size }

  func read(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
    try check()
    try storage.read(into: memory, at: offset)
  }

  func write(_ bytes: [UInt8], at offset: UInt64) throws { try storage.write(bytes, at: offset) }

  func synchronise() throws { try storage.synchronise() }

  func readBack(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
    try check()
    try storage.readBack(into: memory, at: offset)
  }
}
