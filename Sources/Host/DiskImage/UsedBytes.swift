import HostSystem

/// The parts of a file system's image whose content matters.
public enum UsedBytes: Sendable, Equatable {
  /// All bytes.
  case all
  /// The tables of FAT32, and the clusters up to the last one in use.
  case fat32
  /// The tables of ext4, and the blocks that its bitmaps mark as used.
  case ext4

  /// The used ranges of bytes.
  ///
  /// - Throws: `FileFailure`, also if the file is not such a file system.
  func ranges(in path: String) throws(FileFailure) -> [Range<Int64>] {
    let file = try ImageFile(reading: path)
    switch self {
    case .all: return [0..<file.size]
    case .fat32: return [0..<(try Self.fat32End(file))]
    case .ext4: return try Ext4Usage(file).ranges()
    }
  }

  /// The end of the last cluster in use (Microsoft FAT specification, sections 3 and 4).
  private static func fat32End(_ file: borrowing ImageFile) throws(FileFailure) -> Int64 {
    let boot = try file.bytes(at: 0, count: 512)
    let sector = boot.little(11, 2)
    let tableStart = boot.little(14, 2) * sector
    let tableSize = boot.little(36, 4) * sector
    let tables = boot.little(16, 1)
    let cluster = boot.little(13, 1) * sector
    guard sector >= 512, cluster > 0, tables > 0, tableSize > 0, boot.little(22, 2) == 0,
      tableStart + tables * tableSize < file.size
    else { throw FileFailure("read", file.path, reason: "it is not a FAT32 file system") }
    let table = try file.bytes(at: tableStart, count: Int(tableSize))
    // The upper four bits of an entry are reserved. Entries 0 and 1 do not stand for clusters.
    var last = table.count / 4 - 1
    while last > 1, table.little(last * 4, 4) & 0x0fff_ffff == 0 { last -= 1 }
    return min(file.size, tableStart + tables * tableSize + Int64(last - 1) * cluster)
  }
}

/// The blocks in use of an ext4 file system, according to its tables (Linux, Documentation/filesystems/ext4).
private struct Ext4Usage {
  private let blockSize: Int64
  private let blocks: Int64
  private let groupBlocks: Int64
  private let groups: [Group]
  private let tableBlocks: Int64
  /// For each group, true if it begins with a copy of superblock and descriptors.
  private let hasSuperblock: [Bool]
  private let bitmaps: [[UInt8]?]
  /// Number of blocks of such a copy, including the space reserved for more descriptors.
  private let superblockBlocks: Int64

  private struct Group {
    var blockBitmap: Int64
    var inodeBitmap: Int64
    var inodeTable: Int64
    var hasBitmap: Bool
  }

  init(_ file: borrowing ImageFile) throws(FileFailure) {
    let superblock = try file.bytes(at: 1024, count: 1024)
    guard superblock.little(0x38, 2) == 0xEF53, superblock.little(0x18, 4) <= 6, superblock.little(0x14, 4) == 0 else {
      throw FileFailure("read", file.path, reason: "it is not an ext4 file system with blocks of 4 KiB")
    }
    let is64Bit = superblock.little(0x60, 4) & 0x80 != 0
    let size: Int64 = 1024 << superblock.little(0x18, 4)
    let count = superblock.little(0x04, 4) | (is64Bit ? superblock.little(0x150, 4) << 32 : 0)
    let perGroup = superblock.little(0x20, 4)
    let descriptorSize = is64Bit ? max(32, superblock.little(0xFE, 2)) : 32
    guard perGroup > 0, count > 0, count <= file.size / size else {
      throw FileFailure("read", file.path, reason: "its ext4 superblock is damaged")
    }
    let number = (count + perGroup - 1) / perGroup
    let descriptors = try file.bytes(at: size, count: Int(number * descriptorSize))
    var groups: [Group] = []
    var bitmaps: [[UInt8]?] = []
    for index in 0..<Int(number) {
      let start = index * Int(descriptorSize)
      func field(_ low: Int, _ high: Int) -> Int64 {
        descriptors.little(start + low, 4) | (descriptorSize >= 64 ? descriptors.little(start + high, 4) << 32 : 0)
      }
      let group = Group(
        blockBitmap: field(0x0, 0x20), inodeBitmap: field(0x4, 0x24), inodeTable: field(0x8, 0x28),
        // BLOCK_UNINIT: the group contains only tables, and its bitmap is not initialised.
        hasBitmap: descriptors.little(start + 0x12, 2) & 2 == 0)
      groups.append(group)
      bitmaps.append(group.hasBitmap ? try file.bytes(at: group.blockBitmap * size, count: Int(perGroup / 8)) : nil)
    }
    blockSize = size
    blocks = count
    groupBlocks = perGroup
    self.groups = groups
    self.bitmaps = bitmaps
    let inodeBytes = superblock.little(0x28, 4) * superblock.little(0x58, 2)
    tableBlocks = (inodeBytes + size - 1) / size
    // SPARSE_SUPER: copies are in the groups 0 and 1, and in those whose numbers are powers of 3, 5 and 7.
    hasSuperblock = (0..<Int(number)).map(Self.holdsSuperblock)
    let reserved = superblock.little(0xCE, 2)
    superblockBlocks = 1 + (number * descriptorSize + size - 1) / size + reserved
  }

  private static func holdsSuperblock(_ group: Int) -> Bool {
    if group <= 1 { return true }
    for base in [3, 5, 7] {
      var power = base
      while power < group { power *= base }
      if power == group { return true }
    }
    return false
  }

  func ranges() -> [Range<Int64>] {
    var used: [Range<Int64>] = []
    func add(_ first: Int64, _ count: Int64) { used.append(first * blockSize..<min(first + count, blocks) * blockSize) }
    for (index, group) in groups.enumerated() {
      let first = Int64(index) * groupBlocks
      if hasSuperblock[index] { add(first, superblockBlocks) }
      add(group.blockBitmap, 1)
      add(group.inodeBitmap, 1)
      add(group.inodeTable, tableBlocks)
      guard let bitmap = bitmaps[index] else { continue }
      // Runs of used blocks. Bits behind the last block of the file system are padding.
      let inGroup = Int(min(groupBlocks, blocks - first))
      var start: Int?
      for block in 0..<inGroup {
        let isUsed = bitmap[block / 8] >> UInt8(block % 8) & 1 == 1
        if isUsed, start == nil { start = block }
        if !isUsed, let begin = start {
          add(first + Int64(begin), Int64(block - begin))
          start = nil
        }
      }
      if let begin = start { add(first + Int64(begin), Int64(inGroup - begin)) }
    }
    return used
  }
}

extension [UInt8] {
  /// A number in little-endian order.
  fileprivate func little(_ offset: Int, _ size: Int) -> Int64 {
    self[offset..<offset + size].reversed().reduce(0) { $0 << 8 | Int64($1) }
  }
}
