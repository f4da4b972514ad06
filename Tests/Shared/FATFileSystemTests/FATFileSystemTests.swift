import FATFileSystem
import Foundation
import TestFixtures
import Testing

@Suite("Reading FAT file systems made by other programs, and damaged ones")
struct FATFileSystemTests {
  private func make(_ width: Int, size: Int) async throws -> [UInt8] {
    try await withTemporaryFolder { folder in
      for number in 0..<100 { try folder.writing("\(number)", to: "files/many/a rather long name \(number)") }
      try folder.writing([UInt8](repeating: 7, count: 100_000), to: "files/LARGE.BIN")
      try folder.writing("é", to: "files/overlays/Übung é.dtbo")
      try folder.writing("", to: "files/lower.txt")
      let made = try Judge("sh").run(
        [
          "-euc", "mkfs.fat -C -s 1 -F \(width) image \(size) > /dev/null; LC_ALL=C.UTF-8 mcopy -s -i image files/* ::",
        ], in: folder)
      try #require(made.status == 0, "\(made.errors)")
      return Array(try Data(contentsOf: folder.appending(path: "image")))
    }
  }

  private func open(_ bytes: [UInt8]) throws -> FATFileSystem {
    try FATFileSystem(length: UInt64(bytes.count)) { offset, count in
      let start = Int(min(offset, UInt64(bytes.count)))
      return Array(bytes[start..<min(start + count, bytes.count)])
    }
  }

  private func content(_ bytes: [UInt8]) throws -> [String: [UInt8]] {
    let fileSystem = try open(bytes)
    var found: [String: [UInt8]] = [:]
    try fileSystem.walk { path, entry in
      guard !entry.isFolder else { return }
      found[path] = []
      try fileSystem.forEachPiece(of: entry) { found[path]? += $0 }
    }
    return found
  }

  private static let forms = [(12, 1440), (16, 16_384), (32, 40_000)]

  @Test("Long and short names and contents match the folder", arguments: forms)
  func contents(width: Int, size: Int) async throws {
    let found = try content(try await make(width, size: size))

    #expect(found.count == 103)
    #expect(found["many/a rather long name 99"] == Array("99".utf8))
    #expect(found["LARGE.BIN"] == [UInt8](repeating: 7, count: 100_000))
    #expect(found["overlays/Übung é.dtbo"] == Array("é".utf8))
    #expect(found["lower.txt"] == [])
  }

  @Test("Times are read as UTC")
  func time() async throws {
    try await withTemporaryFolder { folder in
      let made = try Judge("sh").run(
        [
          "-euc",
          "touch -d 2024-02-29T13:14:16Z file; mkfs.fat -C image 1440 > /dev/null; TZ=UTC mcopy -m -i image file ::",
        ], in: folder)
      try #require(made.status == 0, "\(made.errors)")
      var time: Int64?
      try open(Array(try Data(contentsOf: folder.appending(path: "image")))).walk { time = $1.time }

      #expect(time == 1_709_212_456)
    }
  }

  @Test("Cluster chains that lead into themselves or into another chain are refused", arguments: forms)
  func circles(width: Int, size: Int) async throws {
    let whole = try await make(width, size: size)
    func number(_ offset: Int, _ count: Int) -> Int {
      whole[offset..<offset + count].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    let table = number(14, 2) * 512
    // The next cluster of every cluster is the third.
    var bytes = whole
    for cluster in 2..<60 {
      switch width {
      case 12:
        let place = table + cluster * 3 / 2
        bytes[place] = cluster % 2 == 0 ? 3 : bytes[place] & 0x0F | 0x30
        bytes[place + 1] = cluster % 2 == 0 ? bytes[place + 1] & 0xF0 : 0
      case 16: bytes.replaceSubrange(table + cluster * 2..<table + cluster * 2 + 2, with: [3, 0])
      default: bytes.replaceSubrange(table + cluster * 4..<table + cluster * 4 + 4, with: [3, 0, 0, 0])
      }
    }

    let changed = bytes
    #expect(throws: FATFileSystem.Failure.self) { try content(changed) }
    // The root folder is still readable where it has a place of its own.
    guard width < 32 else { return }
    var names: [String] = []
    try open(changed).walk(intoFolders: false) { path, _ in names.append(path) }
    #expect(!names.isEmpty && names.allSatisfy { !$0.contains("/") })
  }

  @Test("A damaged file system causes an error or is read, but never a crash", arguments: forms)
  func damage(width: Int, size: Int) async throws {
    let whole = Array(try await make(width, size: size))
    var state: UInt64 = 1
    func next(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % limit
    }
    var failures = 0
    for round in 0..<200 {
      var bytes = whole
      for _ in 0..<8 { bytes[next(round % 2 == 0 ? 64 : 100_000)] = UInt8(next(256)) }
      do { _ = try content(bytes) } catch is FATFileSystem.Failure { failures += 1 }
    }
    #expect(failures > 0)
  }
}
