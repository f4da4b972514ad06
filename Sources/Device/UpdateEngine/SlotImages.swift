import Bundle
import BootFlow
import DeviceModel
import Glibc
import LinuxSystem

/// The targets of a bundle's images: the partition for the root file system, files on the boot partition for the
/// others.
struct SlotImages {
  let boot: BootRecord
  let files: BootFolder

  /// The required images of a release. The optional ones are boot loaders, which take effect when it is committed.
  static let names = ["root", "kernel", "initrd", "command-line"]
  private static let optionalNames = ["loader-uefi", "loader-bios"]

  private func file(_ name: String, of slot: Slot) -> String? {
    switch name {
    case "kernel": BootPartition.kernel(slot)
    case "initrd": BootPartition.initialRAM(slot)
    case "command-line": BootPartition.commandLine(slot)
    case "loader-uefi": BootPartition.uefiLoader(slot)
    case "loader-bios": BootPartition.biosLoader(slot)
    default: nil
    }
  }

  /// Opens the images of the running slot by name, read-only.
  func running() throws -> [String: any BlockStorage] {
    var images: [String: any BlockStorage] = [:]
    if let root = boot.root(of: boot.slot) { images["root"] = try StorageFile(root) }
    for name in Self.names + Self.optionalNames {
      guard let path = file(name, of: boot.slot).map(files.absolute), FileTree.exists(path) else { continue }
      images[name] = try StorageFile(path)
    }
    return images
  }

  /// Returns true if a slot has exactly the files for some images, each with the right length.
  func hasFiles(for images: [BundleImage], in slot: Slot) throws -> Bool {
    try (Self.names + Self.optionalNames).allSatisfy { name in
      guard let file = file(name, of: slot) else { return true }
      return try size(of: file) == images.first { $0.name == name }?.size
    }
  }

  /// Checks that a slot has room for some images. Writes nothing.
  ///
  /// - Throws: ``UpdateFailure``, `BundleFailure`, `SystemError`.
  func checkRoom(for images: [BundleImage], in slot: Slot) throws {
    guard let root = boot.root(of: slot) else { throw UpdateFailure.oneSlotOnly }
    let known = Self.names + Self.optionalNames
    for image in images where !known.contains(image.name) { throw BundleFailure.noTarget(image: image.name) }
    if let image = images.first(where: { $0.name == "root" }) {
      let room = try StorageFile(root).size
      guard image.size <= room else { throw BundleFailure.tooLarge(image: "root", size: image.size, room: room) }
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
    for name in (Self.names + Self.optionalNames).compactMap({ file($0, of: slot) }) { try files.remove(name) }
    let wanted = images.compactMap { image in file(image.name, of: slot).map { (path: $0, size: image.size) } }
    try FileTree.makeFolders(files.absolute(BootPartition.folder(slot)))
    for (path, size) in wanted { _ = try StorageFile(making: files.absolute(path), size: size) }
  }

  /// Opens the targets in a slot for writing.
  ///
  /// - Throws: ``UpdateFailure``, `SystemError`.
  func places(for images: [BundleImage], in slot: Slot) throws -> [String: any BlockStorage] {
    guard let root = boot.root(of: slot) else { throw UpdateFailure.oneSlotOnly }
    var places: [String: any BlockStorage] = ["root": try StorageFile(root, writable: true)]
    for image in images {
      guard let name = file(image.name, of: slot) else { continue }
      places[image.name] = try StorageFile(files.absolute(name), writable: true)
    }
    return places
  }

  /// Returns the size of a file in bytes, or `nil` if it does not exist.
  private func size(of name: String) throws -> UInt64? {
    let path = files.absolute(name)
    return FileTree.exists(path) ? try StorageFile(path).size : nil
  }

  /// Returns the boot entry of a slot whose images are complete.
  func entry(of slot: Slot, title: String, version: String) throws -> BootEntry {
    BootEntry(
      slot: slot, title: title, version: version,
      commandLine: try files.read(BootPartition.commandLine(slot)) ?? [])
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
