import CLinuxSystem
import Glibc

/// A disk or a partition, read and written in sectors of 512 bytes.
public struct BlockDevice {
  /// Size of a sector in bytes.
  public static let sectorSize = 512

  /// Path of the device node.
  public let path: String
  /// Size in sectors.
  public let sectorCount: UInt64
  private let descriptor: Descriptor

  /// Opens a device.
  ///
  /// - Parameters:
  ///   - path: The device node, or a regular file in place of a disk.
  ///   - writable: True to open the device for writing.
  /// - Throws: ``SystemError``.
  public init(_ path: String, writable: Bool = false) throws(SystemError) {
    let descriptor = try Descriptor(opening: path, writable ? O_RDWR : O_RDONLY)
    var bytes: UInt64 = 0
    if cultivar_block_size(descriptor.number, &bytes) < 0 {
      var status = stat()
      guard fstat(descriptor.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        throw SystemError("get the size of", path)
      }
      bytes = UInt64(status.st_size)
    }
    self.path = path
    self.descriptor = descriptor
    sectorCount = bytes / UInt64(Self.sectorSize)
  }

  /// Reads sectors; returns fewer bytes at the end of the device.
  public func read(_ lba: UInt64, _ count: Int) throws(SystemError) -> [UInt8] {
    guard lba < sectorCount else { return [] }
    let available = min(UInt64(count), sectorCount - lba)
    return try descriptor.read(Int(available) * Self.sectorSize, at: lba * UInt64(Self.sectorSize))
  }

  public func write(_ bytes: [UInt8], at lba: UInt64) throws(SystemError) {
    try descriptor.write(all: bytes, at: lba * UInt64(Self.sectorSize))
  }

  /// Waits until all written bytes are on the disk.
  public func synchronise() throws(SystemError) {
    try descriptor.synchronise()
  }

  /// Makes the kernel read the partition table again.
  public func rereadPartitions() throws(SystemError) {
    try check("reread the partition table of", path) { cultivar_reread_partitions(descriptor.number) }
  }

  /// Tells the kernel the new length of a partition that is in use.
  ///
  /// - Parameters:
  ///   - number: Number of the partition.
  ///   - firstLBA: First sector of the partition.
  ///   - sectorCount: New length in sectors.
  public func resizePartition(_ number: Int, firstLBA: UInt64, sectorCount: UInt64) throws(SystemError) {
    let size = Int64(Self.sectorSize)
    try check("resize partition \(number) of", path) {
      cultivar_resize_partition(
        descriptor.number, Int32(number), Int64(firstLBA) * size, Int64(sectorCount) * size)
    }
  }
}

/// Operations on ext4 file systems.
public enum Ext4 {
  /// Offset of the superblock from the start of the device, and its size, in bytes.
  private static let superblock = (offset: UInt64(1024), size: 1024)

  /// The number of blocks and the block size in bytes of the file system on a device; `nil` if it is not ext4.
  ///
  /// - Parameter path: The device node.
  public static func geometry(of path: String) throws(SystemError) -> (blocks: UInt64, blockSize: UInt64)? {
    let device = try Descriptor(opening: path, O_RDONLY)
    let bytes = try device.read(superblock.size, at: superblock.offset)
    func number(_ offset: Int, _ size: Int) -> UInt64 {
      bytes[offset..<offset + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    guard bytes.count == superblock.size, number(0x38, 2) == 0xEF53, number(0x18, 4) <= 6 else { return nil }
    return (number(0x150, 4) << 32 | number(0x04, 4), 1024 << number(0x18, 4))
  }

  /// Grows a mounted file system to the size of its device.
  ///
  /// - Parameters:
  ///   - mountPoint: Mount point of the file system.
  ///   - path: Its device node.
  /// - Returns: True if the file system was smaller than the device.
  /// - Throws: ``SystemError``.
  public static func grow(at mountPoint: String, on path: String) throws(SystemError) -> Bool {
    guard let geometry = try geometry(of: path) else { return false }
    let bytes = try BlockDevice(path).sectorCount * UInt64(BlockDevice.sectorSize)
    let blocks = bytes / geometry.blockSize
    guard blocks > geometry.blocks else { return false }
    let root = try Descriptor(opening: mountPoint, O_RDONLY | O_DIRECTORY)
    try check("grow the file system at", mountPoint) { cultivar_ext4_resize(root.number, blocks) }
    return true
  }
}
