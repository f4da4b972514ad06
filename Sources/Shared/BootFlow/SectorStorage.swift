import LinuxSystem

/// A partition that is read and written in sectors of 512 bytes. A power cut leaves each sector old or new.
public protocol SectorStorage {
  /// Name for messages.
  var path: String { get }
  /// Size in sectors.
  var sectorCount: UInt64 { get }
  /// Reads sectors; returns fewer bytes at the end.
  func read(_ lba: UInt64, _ count: Int) throws -> [UInt8]
  /// Writes whole sectors.
  func write(_ bytes: [UInt8], at lba: UInt64) throws
  /// Waits until all written sectors are on the disk.
  func synchronise() throws
}

extension BlockDevice: SectorStorage {}

extension SectorStorage {
  /// Reads bytes from an offset; returns fewer bytes at the end.
  func bytes(at offset: UInt64, _ count: Int) throws -> [UInt8] {
    let sector = UInt64(BlockDevice.sectorSize)
    let skipped = Int(offset % sector)
    let sectors = (skipped + count + BlockDevice.sectorSize - 1) / BlockDevice.sectorSize
    return Array(try read(offset / sector, sectors).dropFirst(skipped).prefix(count))
  }

  /// Replaces one sector, unless it has the same content already, and waits until it is on the disk.
  func replace(sector lba: UInt64, with bytes: [UInt8]) throws {
    guard try read(lba, 1) != bytes else { return }
    try write(bytes, at: lba)
    try synchronise()
  }
}
