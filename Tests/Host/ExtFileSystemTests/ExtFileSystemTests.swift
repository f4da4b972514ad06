import ExtFileSystem
import Foundation
import HostSystem
import TestFixtures
import Testing

@Suite("Reading ext2, ext3 and ext4 file systems made by e2fsprogs")
struct ExtFileSystemTests {
  /// Options of `mke2fs` for file systems with different storage formats.
  static let forms = [
    "-t ext2 -b 1024", "-t ext3 -b 1024", "-t ext4 -b 4096", "-t ext4 -b 1024 -O ^64bit,metadata_csum",
  ]

  /// Makes a file system from a folder, and changes it with `debugfs`.
  private func make(_ folder: URL, _ form: String, size: String = "32M", changes: [String] = []) throws -> URL {
    let image = folder.appending(path: "image")
    let made = try Judge("mke2fs").run(
      ["-q", "-F"] + form.split(separator: " ").map(String.init)
        + ["-L", "label", "-U", "01234567-89ab-cdef-0123-456789abcdef", "-d", "\(folder.path)/tree", image.path, size])
    try #require(made.status == 0, "\(made.errors)")
    if !changes.isEmpty {
      let commands = try folder.writing(changes.joined(separator: "\n") + "\n", to: "commands")
      let changed = try Judge("debugfs").run(["-w", "-f", commands.path, image.path])
      try #require(changed.status == 0, "\(changed.errors)")
    }
    return image
  }

  private func open(_ image: URL) throws -> ExtFileSystem {
    let bytes = try Data(contentsOf: image)
    return try ExtFileSystem(length: UInt64(bytes.count)) { offset, count in
      let start = min(Int(offset), bytes.count)
      return Array(bytes[start..<min(start + count, bytes.count)])
    }
  }

  private func content(_ path: String, _ fileSystem: ExtFileSystem) throws -> [UInt8] {
    try fileSystem.content(of: try #require(try fileSystem.inode(at: path)))
  }

  @Test("Names, contents, links and holes match the folder", arguments: forms)
  func contents(form: String) async throws {
    try await withTemporaryFolder { folder in
      let large = (0..<5_000_003).map { UInt8(truncatingIfNeeded: $0 / 7) }
      let tree = folder.appending(path: "tree")
      try tree.writing(large, to: "large")
      try tree.writing("", to: "empty")
      // More names than fit into one block.
      for number in 0..<600 { try tree.writing("\(number)", to: "many/a-rather-long-name-\(number)") }
      try FileManager.default.createSymbolicLink(atPath: "\(tree.path)/short", withDestinationPath: "/etc/passwd")
      let target = String(repeating: "t", count: 300)
      try FileManager.default.createSymbolicLink(atPath: "\(tree.path)/long", withDestinationPath: target)
      try Judge("truncate").run(["-s", "3M", "\(tree.path)/holes"])
      try Judge("sh").run(["-c", "printf end >> \(tree.path)/holes; ln \(tree.path)/empty \(tree.path)/other"])

      let fileSystem = try open(try make(folder, form))

      var found: [String: ExtInode] = [:]
      try fileSystem.walk { found[String(decoding: $0, as: UTF8.self)] = $1 }
      let expected = try #require(FileManager.default.enumerator(atPath: tree.path)).compactMap { $0 as? String }
      #expect(Set(found.keys) == Set(expected + ["lost+found"]))
      #expect(try content("large", fileSystem) == large)
      #expect(try content("many/a-rather-long-name-599", fileSystem) == Array("599".utf8))
      #expect(try content("holes", fileSystem) == [UInt8](repeating: 0, count: 3 << 20) + Array("end".utf8))
      #expect(try fileSystem.target(of: #require(found["short"])) == Array("/etc/passwd".utf8))
      #expect(try fileSystem.target(of: #require(found["long"])) == Array(target.utf8))
      #expect(found["empty"]?.number == found["other"]?.number && found["empty"]?.links == 2)
      #expect((fileSystem.label, fileSystem.uuid) == ("label", "01234567-89ab-cdef-0123-456789abcdef"))
      #expect(try fileSystem.inode(at: "many/none") == nil)
    }
  }

  @Test("Owners of more than 16 bits, modes, times, devices and attributes are read", arguments: forms)
  func metadata(form: String) async throws {
    try await withTemporaryFolder { folder in
      try folder.writing("x", to: "tree/file")
      let capability = try folder.writing(
        [1, 0, 0, 2, 0, 0x20, 0, 0] + [UInt8](repeating: 0, count: 12), to: "capability")
      let image = try make(
        folder, form,
        changes: [
          "set_inode_field file mode 0106751", "set_inode_field file uid 70000", "set_inode_field file gid 80000",
          "set_inode_field file mtime @1700000000", "ea_set -f \(capability.path) file security.capability",
          "ea_set file user.\(String(repeating: "n", count: 90)) \(String(repeating: "v", count: 400))",
          "mknod console c 5 1", "mknod pipe p",
        ])

      let fileSystem = try open(image)

      let file = try #require(try fileSystem.inode(at: "file"))
      #expect((file.mode, file.uid, file.gid, file.time) == (0o6751, 70_000, 80_000, 1_700_000_000))
      let attributes = try fileSystem.attributes(of: file)
      #expect(attributes.map(\.name) == ["security.capability", "user." + String(repeating: "n", count: 90)])
      #expect(attributes.first?.value == [1, 0, 0, 2, 0, 0x20, 0, 0] + [UInt8](repeating: 0, count: 12))
      #expect(attributes.last?.value.count == 400)
      #expect(try fileSystem.inode(at: "console")?.kind == .device)
      #expect(try fileSystem.inode(at: "pipe")?.kind == .pipe)
    }
  }

  @Test("A feature that would be misread is refused by name", arguments: ["inline_data", "encrypt", "meta_bg"])
  func unknownFeature(name: String) async throws {
    try await withTemporaryFolder { folder in
      try FolderTree.create(folder.appending(path: "tree").path)
      let option = name == "meta_bg" ? "^resize_inode,\(name)" : name
      let image = try make(folder, "-t ext4 -O \(option)")

      #expect(throws: ExtFailure.self) { _ = try open(image) }
      do { _ = try open(image) } catch let failure as ExtFailure {
        #expect(failure.problem == "the file system has the feature \(name), which cannot be read")
      }
    }
  }

  @Test("A damaged file system causes an error or is read, but never a crash")
  func damage() async throws {
    try await withTemporaryFolder { folder in
      for number in 0..<40 { try folder.writing("\(number)", to: "tree/folder-\(number % 5)/\(number)") }
      let image = try make(folder, "-t ext4 -b 1024", size: "1M")
      let whole = Array(try Data(contentsOf: image))
      var state: UInt64 = 1
      func next(_ limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % limit
      }
      var failures = 0
      for _ in 0..<300 {
        var bytes = whole
        // Superblock, descriptors, inodes and folders are at the beginning.
        for _ in 0..<8 { bytes[1024 + next(120_000)] = UInt8(next(256)) }
        do {
          let fileSystem = try ExtFileSystem(length: UInt64(bytes.count)) { offset, count in
            let start = Int(min(offset, UInt64(bytes.count)))
            return Array(bytes[start..<min(start + count, bytes.count)])
          }
          try fileSystem.walk { _, inode in
            _ = try fileSystem.attributes(of: inode)
            if inode.kind == .file { try fileSystem.forEachPiece(of: inode) { _ in } }
            if inode.kind == .link { _ = try fileSystem.target(of: inode) }
          }
        } catch is ExtFailure {
          failures += 1
        }
      }
      #expect(failures > 0)
    }
  }
}
