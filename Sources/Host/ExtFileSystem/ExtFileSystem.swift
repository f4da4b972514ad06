import Hexadecimal
import HostSystem

/// A reader for file systems of types ext2, ext3 and ext4 in a file or disk. It mounts and writes nothing (Linux kernel
/// documentation, `filesystems/ext4`).
///
/// It reads file systems made by Debian's `mke2fs`. File systems with unsupported features that change the stored
/// format (inline data, encryption, attribute values in inodes) are refused when they are opened. The journal must have
/// been replayed. The reader does not verify checksums, which `e2fsck` does. It checks every number before use, so that
/// damage causes an error.
public struct ExtFileSystem {
  /// Returns `count` bytes from an offset in the file system, or fewer at its end.
  public typealias Reader = (_ offset: UInt64, _ count: Int) throws -> [UInt8]

  /// UUID in the form of `/etc/fstab`.
  public let uuid: String
  /// Volume label; empty if there is none.
  public let label: String
  /// True if the journal must be replayed before reading.
  public let needsRecovery: Bool
  /// Size of the file system in bytes.
  public let size: UInt64

  let blockSize: Int
  let blockCount: UInt64
  private let read: Reader
  private let budget: ReadBudget
  private let inodeSize: Int
  private let inodeCount: UInt32
  private let inodesPerGroup: UInt32
  private let firstDataBlock: UInt64
  private let descriptorSize: Int

  /// Inode number of the root folder.
  static let rootInode: UInt32 = 2

  /// Unsupported features, by their bits in `s_feature_incompat`, with their names in `mke2fs`.
  private static let refused: [(bit: UInt32, name: String)] = [
    (0x1, "compression"), (0x8, "journal_dev"), (0x10, "meta_bg"), (0x400, "ea_inode"), (0x1000, "dirdata"),
    (0x8000, "inline_data"), (0x10000, "encrypt"),
  ]
  /// Bits of supported features and of those that do not affect reading.
  private static let known: UInt32 = 0x2 | 0x4 | 0x40 | 0x80 | 0x100 | 0x200 | 0x2000 | 0x4000 | 0x20000

  /// True if a disk or partition begins like an ext file system.
  public static func isOne(_ start: [UInt8]) -> Bool {
    start.count >= 2048 && start.number(at: 1024 + 56, as: UInt16.self) == 0xEF53
  }

  /// Opens a file system.
  ///
  /// - Parameters:
  ///   - length: Number of bytes that `read` can return. It limits all work, because the file system may contain any
  ///     numbers.
  ///   - read: Returns bytes of the file system.
  /// - Throws: ``ExtFailure``, and errors of `read`.
  public init(length: UInt64, _ read: @escaping Reader) throws {
    self.read = read
    budget = ReadBudget(length: length)
    let start = try read(0, 2048)
    guard Self.isOne(start) else { throw ExtFailure.damaged("it has no superblock") }
    let block = Array(start[1024...])
    let features = block.number(at: 96, as: UInt32.self)
    if let feature = Self.refused.first(where: { features & $0.bit != 0 }) {
      throw ExtFailure.unknownFeature(feature.name)
    }
    guard features & ~Self.known == 0 else {
      throw ExtFailure.unknownFeature("0x" + String(features & ~Self.known, radix: 16))
    }
    needsRecovery = features & 0x4 != 0
    let is64Bit = features & 0x80 != 0
    let logBlockSize = block.number(at: 24, as: UInt32.self)
    guard logBlockSize <= 6 else { throw ExtFailure.damaged("its block size is invalid") }
    blockSize = 1024 << Int(logBlockSize)
    inodeCount = block.number(at: 0)
    inodesPerGroup = block.number(at: 40)
    firstDataBlock = UInt64(block.number(at: 20, as: UInt32.self))
    blockCount =
      UInt64(block.number(at: 4, as: UInt32.self))
      | (is64Bit ? UInt64(block.number(at: 0x150, as: UInt32.self)) << 32 : 0)
    inodeSize = block.number(at: 76, as: UInt32.self) == 0 ? 128 : Int(block.number(at: 88, as: UInt16.self))
    descriptorSize = is64Bit ? Int(block.number(at: 254, as: UInt16.self)) : 32
    // With powers of two, no inode or descriptor crosses the end of a block.
    guard inodesPerGroup > 0, Self.isPowerOfTwo(inodeSize), inodeSize >= 128, inodeSize <= blockSize,
      Self.isPowerOfTwo(descriptorSize), descriptorSize >= 32, descriptorSize <= blockSize,
      firstDataBlock < blockCount, blockCount <= UInt64(Int64.max) / UInt64(blockSize)
    else { throw ExtFailure.damaged("its superblock contradicts itself") }
    size = blockCount * UInt64(blockSize)
    guard size <= length else { throw ExtFailure.endsEarly(size: size, length: length) }
    guard UInt64(inodeCount) <= size / UInt64(inodeSize) else {
      throw ExtFailure.damaged("it has more inodes than there is room for")
    }
    let id = Array(block[104..<120])
    uuid = [id[0..<4], id[4..<6], id[6..<8], id[8..<10], id[10...]].map(\.hexadecimal).joined(separator: "-")
    label = String(decoding: block[120..<136].prefix { $0 != 0 }, as: UTF8.self)
  }

  private static func isPowerOfTwo(_ number: Int) -> Bool { number.nonzeroBitCount == 1 }

  // MARK: Blocks and inodes

  func block(_ number: UInt64) throws -> [UInt8] { try blocks(from: number, count: 1) }

  func blocks(from number: UInt64, count: Int) throws -> [UInt8] {
    guard number < blockCount, UInt64(count) <= blockCount - number else {
      throw ExtFailure.damaged("it refers to block \(number), which does not exist")
    }
    try budget.spend(count * blockSize)
    let bytes = try read(number * UInt64(blockSize), count * blockSize)
    guard bytes.count == count * blockSize else { throw ExtFailure.damaged("its end is missing") }
    return bytes
  }

  func inode(_ number: UInt32) throws -> ExtInode {
    guard number > 0, number <= inodeCount else {
      throw ExtFailure.damaged("it refers to inode \(number), which does not exist")
    }
    let (group, index) = (number - 1).quotientAndRemainder(dividingBy: inodesPerGroup)
    let place = UInt64(group) * UInt64(descriptorSize)
    let descriptor = try block(firstDataBlock + 1 + place / UInt64(blockSize))
    let offset = Int(place % UInt64(blockSize))
    var table = UInt64(descriptor.number(at: offset + 8, as: UInt32.self))
    if descriptorSize >= 64 { table |= UInt64(descriptor.number(at: offset + 0x28, as: UInt32.self)) << 32 }
    guard table < blockCount else {
      throw ExtFailure.damaged("it refers to block \(table), which does not exist")
    }
    let byte = UInt64(index) * UInt64(inodeSize)
    let content = try block(table + byte / UInt64(blockSize))
    let start = Int(byte % UInt64(blockSize))
    return ExtInode(number: number, bytes: Array(content[start..<start + inodeSize]))
  }
}

/// The total number of bytes that may be read from a file system. It stops reading in cyclic trees of blocks.
private final class ReadBudget {
  private var rest: UInt64

  /// Allows for reading the complete file system once, and its inodes and folders several times.
  ///
  /// - Parameter length: Size of the file system in bytes.
  init(length: UInt64) {
    let (bytes, overflow) = length.multipliedReportingOverflow(by: 16)
    rest = overflow ? .max : max(bytes, 64 << 20)
  }

  func spend(_ bytes: Int) throws {
    guard UInt64(bytes) <= rest else {
      throw ExtFailure.damaged("its blocks refer to each other endlessly")
    }
    rest -= UInt64(bytes)
  }
}

/// An error for an ext file system that cannot be read.
public enum ExtFailure: ExplainedError {
  /// The file or disk is shorter than the file system. Sizes in bytes.
  case endsEarly(size: UInt64, length: UInt64)
  /// The file system is damaged.
  case damaged(String)
  /// The file system uses an unsupported feature, by its name in `mke2fs`.
  case unknownFeature(String)

  public var problem: String {
    switch self {
    case .damaged(let reason): "the file system is damaged: \(reason)"
    case .endsEarly(let size, let length):
      "the file system ends early: it has \(size) bytes, but only \(length) are there"
    case .unknownFeature(let name): "the file system has the feature \(name), which cannot be read"
    }
  }
  public var remedy: String? {
    switch self {
    case .damaged, .endsEarly: "download the image again, and compare its SHA-256 with the publisher's"
    case .unknownFeature:
      "use a tar archive of the root: mount the image, and run `tar --create --xattrs --numeric-owner`"
    }
  }
}

extension Collection where Element == UInt8, Index == Int {
  /// The little-endian number at an offset. Missing bytes count as zero.
  func number<Number: FixedWidthInteger>(at offset: Int, as: Number.Type = Number.self) -> Number {
    var result: Number = 0
    for index in 0..<Number.bitWidth / 8 where startIndex + offset + index < endIndex {
      result |= Number(truncatingIfNeeded: self[startIndex + offset + index]) << (8 * Number(index))
    }
    return result
  }
}
