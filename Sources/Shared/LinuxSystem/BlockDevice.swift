import CLinuxSystem
import Glibc

/// A disk or a partition, read and written by sectors of 512 bytes.
public struct BlockDevice {
  /// Bytes of a sector.
  public static let sectorSize = 512

  /// The device node.
  public let path: String
  /// Size in sectors.
  public let sectorCount: UInt64
  private let descriptor: Descriptor

  /// Opens a device.
  ///
  /// - Parameters:
  ///   - path: the device node, or a regular file that stands for a disk.
  ///   - writable: whether it is going to be written.
  /// - Throws: ``SystemError``.
  public init(_ path: String, writable: Bool = false) throws(SystemError) {
    let descriptor = try Descriptor(opening: path, writable ? O_RDWR : O_RDONLY)
    var bytes: UInt64 = 0
    if cultivar_block_size(descriptor.number, &bytes) < 0 {
      var status = stat()
      guard fstat(descriptor.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        throw SystemError("ask the size of", path)
      }
      bytes = UInt64(status.st_size)
    }
    self.path = path
    self.descriptor = descriptor
    sectorCount = bytes / UInt64(Self.sectorSize)
  }

  /// Reads sectors; fewer bytes where the device ends.
  public func read(_ lba: UInt64, _ count: Int) throws(SystemError) -> [UInt8] {
    guard lba < sectorCount else { return [] }
    let available = min(UInt64(count), sectorCount - lba)
    return try descriptor.read(Int(available) * Self.sectorSize, at: lba * UInt64(Self.sectorSize))
  }

  /// Writes sectors.
  public func write(_ bytes: [UInt8], at lba: UInt64) throws(SystemError) {
    try descriptor.write(all: bytes, at: lba * UInt64(Self.sectorSize))
  }

  /// Waits until what was written is on the disk itself.
  public func synchronise() throws(SystemError) {
    try descriptor.synchronise()
  }

  /// Makes the kernel read the partition table again.
  public func rereadPartitions() throws(SystemError) {
    try check("read the partition table again of", path) { cultivar_reread_partitions(descriptor.number) }
  }

  /// Tells the kernel the new length of a partition that is in use.
  ///
  /// - Parameters:
  ///   - number: the partition.
  ///   - firstLBA: where it begins.
  ///   - sectorCount: its length.
  public func resizePartition(_ number: Int, firstLBA: UInt64, sectorCount: UInt64) throws(SystemError) {
    let size = Int64(Self.sectorSize)
    try check("resize partition \(number) of", path) {
      cultivar_resize_partition(
        descriptor.number, Int32(number), Int64(firstLBA) * size, Int64(sectorCount) * size)
    }
  }
}

/// Growing a mounted ext4 file system.
public enum Ext4 {
  /// Bytes from the start of the device where the superblock stands, and its length.
  private static let superblock = (offset: UInt64(1024), size: 1024)

  /// Blocks and bytes of a block of the file system on a device; `nil` where there is no ext4.
  ///
  /// - Parameter path: the device node.
  public static func geometry(of path: String) throws(SystemError) -> (blocks: UInt64, blockSize: UInt64)? {
    let device = try Descriptor(opening: path, O_RDONLY)
    let bytes = try device.read(superblock.size, at: superblock.offset)
    func number(_ offset: Int, _ size: Int) -> UInt64 {
      bytes[offset..<offset + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    guard bytes.count == superblock.size, number(0x38, 2) == 0xEF53, number(0x18, 4) <= 6 else { return nil }
    return (number(0x150, 4) << 32 | number(0x04, 4), 1024 << number(0x18, 4))
  }

  /// Grows the mounted file system to all of its device.
  ///
  /// - Parameters:
  ///   - mountPoint: where it is mounted.
  ///   - path: its device.
  /// - Returns: whether it was smaller.
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
