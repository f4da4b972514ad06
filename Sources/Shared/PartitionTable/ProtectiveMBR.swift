/// The master boot record in front of a GUID Partition Table, which protects the disk from tools that do not know GPT
/// (UEFI specification 2.10, section 5.2.3).
enum ProtectiveMBR {
  /// Length of the boot code at the beginning of the sector, which belongs to the boot loader.
  static let bootCodeSize = 440

  /// Makes the sector for a disk of `diskSizeInSectors`.
  ///
  /// - Parameter bootCode: Boot code for a BIOS; at most ``bootCodeSize`` bytes.
  static func serialised(diskSizeInSectors: UInt64, bootCode: [UInt8]) -> [UInt8] {
    var sector = Array(bootCode.prefix(bootCodeSize))
    sector += Array(repeating: 0, count: 446 - sector.count)
    // One entry of type 0xEE for the whole disk, limited to the range of 32 bits.
    sector += [0x00, 0x00, 0x02, 0x00, 0xEE, 0xFF, 0xFF, 0xFF]
    sector.append(littleEndian: UInt32(1))
    sector.append(littleEndian: UInt32(clamping: diskSizeInSectors - 1))
    sector += Array(repeating: 0, count: 510 - sector.count)
    return sector + [0x55, 0xAA]
  }
}
