/// Installs GRUB on a disk for BIOS, as `grub-bios-setup` does.
///
/// The layout of the two sectors is GRUB's (`grub-core/boot/i386/pc/boot.S` and `diskboot.S`, `include/grub/i386/pc/boot.h`).
public struct GrubBootCode: Sendable {
  /// The boot code: the first 440 bytes of the disk.
  public let bootCode: [UInt8]
  /// Content of the BIOS boot partition.
  public let core: [UInt8]

  private static let sectorSize = 512
  /// Bytes of code in the first sector. The disk signature and the partition table follow.
  public static let codeSize = 440
  /// GRUB_BOOT_MACHINE_KERNEL_SECTOR: offset in `boot.img` of the LBA of the sector that it loads.
  private static let kernelSectorOffset = 0x5c
  /// GRUB_BOOT_MACHINE_DRIVE_CHECK: offset of a jump, replaced by two no-operations for a disk other than a floppy.
  private static let driveCheckOffset = 0x66
  /// The first block list of `diskboot.img`, at the end of its sector: start (8 bytes), length (2), segment (2).
  private static let blockListOffset = 512 - 12

  /// Writes the position of the core image into both parts.
  ///
  /// - Parameters:
  ///   - bootSector: Content of `boot.img`.
  ///   - core: Content of `core.img`.
  ///   - firstLBA: First sector of the core image.
  public init(bootSector: [UInt8], core: [UInt8], firstLBA: UInt64) {
    var code = Array(bootSector.prefix(Self.codeSize))
    code.replaceSubrange(Self.kernelSectorOffset..<Self.kernelSectorOffset + 8, with: littleEndian(firstLBA))
    code.replaceSubrange(Self.driveCheckOffset..<Self.driveCheckOffset + 2, with: [0x90, 0x90])
    bootCode = code

    var image = core
    image += [UInt8](
      repeating: 0, count: (Self.sectorSize - image.count % Self.sectorSize) % Self.sectorSize)
    let rest = image.count / Self.sectorSize - 1
    image.replaceSubrange(Self.blockListOffset..<Self.blockListOffset + 8, with: littleEndian(firstLBA + 1))
    image.replaceSubrange(
      Self.blockListOffset + 8..<Self.blockListOffset + 10, with: littleEndian(UInt64(rest)).prefix(2))
    self.core = image
  }

  /// Reads the position of the core image from a disk's first sector.
  public static func coreLBA(inFirstSector sector: [UInt8]) -> UInt64 {
    sector[kernelSectorOffset..<kernelSectorOffset + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}

private func littleEndian(_ value: UInt64) -> [UInt8] {
  (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
}
