import ExtFileSystem
import Foundation
import HostSystem
import TestFixtures
import Testing

/// File systems made by e2fsprogs and then changed byte by byte.
@Suite("Hostile file systems", .timeLimit(.minutes(10)))
struct HostileFileSystemTests {
  /// Makes a file system with blocks of 1024 bytes, a folder and a file of several extents, and returns its bytes.
  private func make(_ options: String = "-t ext4 -b 1024 -I 256") async throws -> [UInt8] {
    try await withTemporaryFolder { folder in
      try folder.writing([UInt8](repeating: 7, count: 300_000), to: "tree/folder/file")
      let made = try Judge("mke2fs").run(
        ["-q", "-F", "-d", "tree"] + options.split(separator: " ").map(String.init) + ["image", "1M"], in: folder)
      try #require(made.status == 0, "\(made.errors)")
      return Array(try Data(contentsOf: folder.appending(path: "image")))
    }
  }

  private func open(_ bytes: [UInt8]) throws -> ExtFileSystem {
    try ExtFileSystem(length: UInt64(bytes.count)) { offset, count in
      let start = Int(min(offset, UInt64(bytes.count)))
      return Array(bytes[start..<min(start + count, bytes.count)])
    }
  }

  private func readAll(_ bytes: [UInt8]) throws {
    let fileSystem = try open(bytes)
    try fileSystem.walk { _, inode in
      _ = try fileSystem.attributes(of: inode)
      if inode.kind == .file { try fileSystem.forEachPiece(of: inode) { _ in } }
      if inode.kind == .link { _ = try fileSystem.target(of: inode) }
      _ = try fileSystem.places(of: inode)
    }
  }

  private func place(ofInode number: Int, in bytes: [UInt8], size: Int = 256) -> Int {
    // The first group's descriptor is in block 2, and has the location of the inode table.
    let table = bytes[2048 + 8..<2048 + 12].reversed().reduce(0) { $0 << 8 | Int($1) }
    return table * 1024 + (number - 1) * size
  }

  @Test("An inode size of 2100 bytes, which crosses the end of a block, is refused")
  func inodeSize() async throws {
    var bytes = try await make("-t ext4 -b 4096 -I 256")
    bytes.replaceSubrange(1024 + 88..<1024 + 90, with: [0x34, 0x08])

    #expect(throws: ExtFailure.self) { try open(bytes) }
  }

  @Test("Extreme values in each field of the superblock and of a group's descriptor do no harm")
  func fields() async throws {
    let whole = try await make()
    let extremes: [[UInt8]] = [
      [0, 0, 0, 0], [255, 255, 255, 255], [0, 0, 0, 128], [1, 0, 0, 0], [255, 255, 255, 127],
    ]
    for offset in stride(from: 1024, to: 2048 + 64, by: 4) {
      for extreme in extremes {
        var bytes = whole
        bytes.replaceSubrange(offset..<offset + 4, with: extreme)
        do { try readAll(bytes) } catch is ExtFailure {}
      }
    }
  }

  @Test("Extents whose entries all point to one child or to themselves end at once", arguments: [false, true])
  func extents(isCircle: Bool) async throws {
    var bytes = try await make()
    let file = try #require(try open(bytes).inode(at: "folder/file"))
    let inode = place(ofInode: Int(file.number), in: bytes)
    func number(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 255) } }
    func header(entries: Int, depth: Int) -> [UInt8] {
      number(0xF30A, 2) + number(entries, 2) + number(84, 2) + number(depth, 2) + number(0, 4)
    }
    // Index nodes in blocks of the file: five levels of 84 entries each, 84^5 leaves.
    func index(_ child: Int, entries: Int) -> [UInt8] {
      (0..<entries).flatMap { _ in number(0, 4) + number(child, 4) + number(0, 4) }
    }
    let blocks = (0..<5).map { 600 + $0 }
    for (level, block) in blocks.enumerated() {
      let depth = 4 - level
      let content =
        depth == 0
        ? header(entries: 0, depth: 0)
        : header(entries: 84, depth: depth) + index(isCircle ? block : blocks[level + 1], entries: 84)
      bytes.replaceSubrange(block * 1024..<block * 1024 + content.count, with: content)
    }
    let root = header(entries: 4, depth: 5) + index(blocks[0], entries: 4)
    bytes.replaceSubrange(inode + 40..<inode + 40 + root.count, with: root)

    let changed = bytes
    #expect(throws: ExtFailure.self) { try readAll(changed) }
  }

  @Test("An inode table far beyond the end is refused")
  func inodeTable() async throws {
    var bytes = try await make("-t ext4 -b 1024 -O 64bit")
    bytes.replaceSubrange(2048 + 8..<2048 + 12, with: [255, 255, 255, 255])
    bytes.replaceSubrange(2048 + 0x28..<2048 + 0x2C, with: [255, 255, 255, 255])

    let changed = bytes
    #expect(throws: ExtFailure.self) { try readAll(changed) }
  }

  @Test("A size larger than the file is reported")
  func length() async throws {
    let bytes = Array(try await make().prefix(500_000))

    let failure = #expect(throws: ExtFailure.self) { try open(bytes) }
    #expect(failure?.problem == "the file system ends early: it has 1048576 bytes, but only 500000 are there")
  }
}
