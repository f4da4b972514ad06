import BootFlow
import DeviceModel
import Glibc
import LinuxSystem
import PartitionTable

/// Updates the boot loaders themselves from the committed release: systemd-boot on the boot partition, GRUB in front of
/// it.
///
/// They belong to no slot, so they change only after a release is committed. Each one changes by the write of a single
/// sector, so the firmware finds a complete boot loader at every moment.
struct LoaderUpdate {
  let environment: UpdateEnvironment
  let slot: Slot

  private static let folder = "EFI/BOOT"
  /// The name of the new boot loader until the exchange, and of the old one after it.
  private static let other = "NEW.EFI"
  /// Length of `boot.img`, which precedes the core image.
  private static let bootSectorLength = 512
  private static let mostBytes = 8 << 20

  /// Updates both boot loaders.
  ///
  /// - Throws: `FATExchange.Failure`, `SystemError`. The old boot loader still starts the device then.
  func run() throws {
    // The firmware files of a Raspberry Pi belong to the slot.
    if environment.boot.loader == .tryboot { return }
    try updateUEFI()
    try updateBIOS()
  }

  private func withFolder<Value>(_ body: (BootFolder) throws -> Value) throws -> Value {
    try environment.mount()
    do {
      let value = try body(BootFolder(environment.bootFolder))
      try environment.unmount()
      return value
    } catch {
      try? environment.unmount()
      throw error
    }
  }

  private func updateUEFI() throws {
    let name = try withFolder { folder -> String? in
      let names = folder.names(in: Self.folder).map { $0.uppercased() }
      guard let name = names.first(where: { $0.hasPrefix("BOOT") && $0.hasSuffix(".EFI") }),
        let wanted = try folder.read(BootPartition.uefiLoader(slot), limit: Self.mostBytes), !wanted.isEmpty,
        let present = try folder.read("\(Self.folder)/\(name)", limit: Self.mostBytes), present != wanted
      else { return nil }
      guard Self.isSystemdBoot(wanted) == Self.isSystemdBoot(present) else {
        environment.note(
          "the boot loader \(name) is not updated: the release has a different one, which cannot read its records")
        return nil
      }
      try folder.create("\(Self.folder)/\(Self.other)", wanted)
      return name
    }
    if let name {
      // Not mounted, so the kernel has no copy of the sector in memory.
      try FATExchange(environment.boot.bootPartition).exchange(
        in: Self.folder.split(separator: "/").map(String.init), name, Self.other)
      environment.note("the boot loader \(name) was updated to that of the release")
    }
    try withFolder { try $0.remove("\(Self.folder)/\(Self.other)") }
  }

  /// Returns true if the file is systemd-boot, which has a mark in its section `.sdmagic`.
  private static func isSystemdBoot(_ file: [UInt8]) -> Bool {
    let mark = Array("LoaderInfo: systemd-boot".utf8)
    return file.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress, bytes.count >= mark.count else { return false }
      return (0...bytes.count - mark.count).contains { memcmp(start + $0, mark, mark.count) == 0 }
    }
  }

  /// Updates GRUB. Writes its core image to the unused half of its partition, then points the disk's first sector to
  /// it.
  private func updateBIOS() throws {
    guard
      let file = try withFolder({ try $0.read(BootPartition.biosLoader(slot), limit: Self.mostBytes) }),
      file.count > Self.bootSectorLength
    else { return }
    let disk = try BlockDevice(environment.boot.disk, writable: true)
    let table = try GPTReading(diskSizeInSectors: disk.sectorCount, read: disk.read).table()
    guard let partition = table.partitions.first(where: { $0.type == .biosBoot }) else { return }
    let first = try disk.read(0, 1)
    let present = GrubBootCode.coreLBA(inFirstSector: first)
    let half = partition.sectorCount / 2
    func code(at lba: UInt64) -> GrubBootCode {
      GrubBootCode(
        bootSector: Array(file[..<Self.bootSectorLength]), core: Array(file[Self.bootSectorLength...]), firstLBA: lba)
    }
    let now = code(at: present)
    guard
      try disk.read(present, now.core.count / BlockDevice.sectorSize) != now.core
        || Array(first.prefix(GrubBootCode.codeSize)) != now.bootCode
    else { return }
    let place = present < partition.firstLBA + half ? partition.firstLBA + half : partition.firstLBA
    let new = code(at: place)
    guard UInt64(new.core.count) <= half * UInt64(BlockDevice.sectorSize) else {
      environment.note("the boot loader is not updated: the new one does not fit beside it")
      return
    }
    try disk.write(new.core, at: place)
    try disk.synchronise()
    // The partition records in the same sector are kept.
    try disk.write(new.bootCode + first.dropFirst(GrubBootCode.codeSize), at: 0)
    try disk.synchronise()
    environment.note("the boot loader GRUB was updated to that of the release")
  }
}
