import Foundation
import Hashing
import HostSystem
import TestFixtures
import Testing

@testable import RootFilesystem

@Suite("Archives of a tree, judged by other programs")
struct ArchiveTests {
  private static let longName = String(repeating: "d", count: 90) + "/" + String(repeating: "é", count: 60)
  private static let longTarget = String(repeating: "t", count: 150)
  private static let time: Int64 = 1_700_000_000

  /// Makes a tree with difficult content: long and unusual names, modes, links, a device, empty and large files.
  private func tree(in folder: URL) throws -> FileTree {
    let large = try folder.writing((0..<3_000_001).map { UInt8(truncatingIfNeeded: $0) }, to: "large")
    var tree = FileTree()
    try tree.add("tmp", .folder, mode: 0o1777, from: "x")
    try tree.add("usr/bin/su", .file(.bytes([1])), mode: 0o4755, from: "x")
    try tree.add("home/user", .folder, mode: 0o700, uid: 59_999, gid: 65_534, from: "x")
    try tree.add("etc/with space 'and\" ü", .file(.bytes([])), mode: 0o600, uid: 59_999, gid: 65_534, from: "x")
    try tree.add(Self.longName, .file(.bytes(Array("long".utf8))), mode: 0o644, from: "x")
    try tree.add("short", .link("usr/bin/su"), mode: 0o777, from: "x")
    try tree.add("long", .link(Self.longTarget), mode: 0o777, from: "x")
    try tree.add("dev/console", .characterDevice(major: 5, minor: 1), mode: 0o600, from: "x")
    try tree.addFile("large", from: large.path, mode: 0o444, origin: "x")
    return tree
  }

  @Test("tar lists and unpacks the content of the tree")
  func tar() async throws {
    try await withTemporaryFolder { folder in
      let archive = folder.appending(path: "tree.tar")
      try TarArchive.write(try tree(in: folder), to: archive.path, time: Self.time)

      let listing = try Judge("tar").run(
        [
          "--list", "--verbose", "--numeric-owner", "--full-time", "--utc", "--quoting-style=literal", "-f",
          archive.path,
        ],
        environment: ["LC_ALL": "C.UTF-8"])
      let rows = listing.output.split(separator: "\n").map { $0.split(separator: " ", omittingEmptySubsequences: true) }
      func row(_ end: String) -> String {
        rows.first { $0.joined(separator: " ").hasSuffix(end) }?.joined(separator: " ") ?? "none"
      }

      #expect(listing.status == 0 && listing.errors.isEmpty, "\(listing.errors)")
      #expect(row(" ./tmp/") == "drwxrwxrwt 0/0 0 2023-11-14 22:13:20 ./tmp/")
      #expect(row(" ./usr/bin/su").hasPrefix("-rwsr-xr-x 0/0 1 "))
      #expect(row("user/").hasPrefix("drwx------ 59999/65534 0 "))
      #expect(row("ü").hasPrefix("-rw------- 59999/65534 0 "))
      #expect(row("/ddd") == "none" && row(Self.longName).hasPrefix("-rw-r--r-- 0/0 4 "))
      #expect(row("./long -> \(Self.longTarget)").hasPrefix("lrwxrwxrwx 0/0 0 "))
      #expect(row("console").hasPrefix("crw------- 0/0 5,1 "))
      #expect(row("./large").hasPrefix("-r--r--r-- 0/0 3000001 "))

      let place = folder.appending(path: "out")
      try FolderTree.create(place.path)
      let unpacked = try Judge("tar").run([
        "-x", "-C", place.path, "--exclude=./dev/console", "--no-same-owner", "-f", archive.path,
      ])
      #expect(unpacked.status == 0, "\(unpacked.errors)")
      #expect(try place.text(Self.longName) == "long")
      #expect(try Digest(ofFile: "\(place.path)/large") == Digest(ofFile: "\(folder.path)/large"))
    }
  }

  @Test("tar unpacks hard links, pipes, attributes, large numbers and names that are not UTF-8")
  func members() async throws {
    try await withTemporaryFolder { folder in
      let archive = folder.appending(path: "members.tar")
      var writer = try TarWriter(archive.path)
      var file = TarMember(
        Array("./file".utf8), .file(size: 3), mode: 0o640, uid: 3_000_000, gid: 3_000_001, time: Self.time)
      file.attributes = [("user.one", Array("value\n".utf8)), ("user.two", [0, 255])]
      try writer.add(file)
      try writer.write(Array("abc".utf8))
      let link = TarMember.Kind.hardLink(to: Array("./file".utf8))
      try writer.add(TarMember(Array("./link".utf8), link, mode: 0o640, uid: 0, gid: 0, time: Self.time))
      try writer.add(TarMember(Array("./pipe".utf8), .pipe, mode: 0o600, uid: 0, gid: 0, time: -5))
      try writer.add(TarMember([0x2E, 0x2F, 0xFF], .file(size: 0), mode: 0o600, uid: 0, gid: 0, time: Self.time))
      try writer.finish()

      let listing = try Judge("tar").run(
        ["--list", "-v", "--xattrs", "--numeric-owner", "--utc", "-f", archive.path],
        environment: ["LC_ALL": "C.UTF-8"])
      let unpacked = try Judge("tar").run(["-x", "--no-same-owner", "-C", folder.path, "-f", archive.path])

      #expect(listing.status == 0 && unpacked.status == 0, "\(listing.errors)\(unpacked.errors)")
      let rows = listing.output.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
      #expect(rows.first == "-rw-r-----* 3000000/3000001 3 2023-11-14 22:13 ./file")
      let attributes = try Judge("python3").run([
        "-c",
        "import tarfile, sys; print(sorted(ascii(i) for i in tarfile.open(sys.argv[1]).next().pax_headers.items()))",
        archive.path,
      ])
      #expect(attributes.output.contains(#"('SCHILY.xattr.user.one', 'value\\n')"#), "\(attributes)")
      #expect(attributes.output.contains(#"('SCHILY.xattr.user.two', '\\x00\\udcff')"#), "\(attributes)")
      #expect(rows.contains("hrw-r----- 0/0 0 2023-11-14 22:13 ./link link to ./file"))
      #expect(rows.contains("prw------- 0/0 0 1970-01-01 00:00 ./pipe"))
      #expect(rows.last?.hasSuffix("./\\377") == true, "\(listing.output)")
      #expect(try folder.text("link") == "abc")
    }
  }

  @Test("cpio lists and unpacks the content of the tree")
  func cpio() async throws {
    try await withTemporaryFolder { folder in
      let archive = folder.appending(path: "tree.cpio")
      try CpioArchive.write(try tree(in: folder), to: archive.path, time: Self.time)

      let listing = try Judge("cpio").run(
        ["--list", "--verbose", "--numeric-uid-gid", "--quiet"], environment: ["LC_ALL": "C.UTF-8", "TZ": "UTC"],
        input: archive)
      let rows = listing.output.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
      func row(_ end: String) -> String { rows.first { $0.hasSuffix(end) } ?? "none" }

      #expect(listing.status == 0 && listing.errors.isEmpty, "\(listing.errors)")
      #expect(row(" tmp") == "drwxrwxrwt 1 0 0 0 Nov 14 2023 tmp")
      #expect(row("2023 usr/bin/su").hasPrefix("-rwsr-xr-x 1 0 0 1 "))
      #expect(row("ü").hasPrefix("-rw------- 1 59999 65534 0 "))
      #expect(row("long -> \(Self.longTarget)").hasPrefix("lrwxrwxrwx 1 0 0 150 "))
      #expect(row("console").hasPrefix("crw------- 1 0 0 5, 1 "))

      let place = folder.appending(path: "out")
      try FolderTree.create(place.path)
      let unpacked = try Judge("cpio").run(
        ["--extract", "--quiet", "--make-directories", "--no-preserve-owner", "--nonmatching", "dev/console"],
        in: place,
        input: archive)
      #expect(unpacked.status == 0, "\(unpacked.errors)")
      #expect(try place.text(Self.longName) == "long")
      #expect(try Digest(ofFile: "\(place.path)/large") == Digest(ofFile: "\(folder.path)/large"))
    }
  }

  @Test("The bytes depend only on the tree, not on the order in which it was filled")
  func reproducible() async throws {
    try await withTemporaryFolder { folder in
      var first = FileTree()
      var second = FileTree()
      for number in 0..<50 { try first.add("a/\(number)", .file(.bytes([UInt8(number)])), mode: 0o644, from: "x") }
      for number in (0..<50).reversed() {
        try second.add("a/\(number)", .file(.bytes([UInt8(number)])), mode: 0o644, from: "y")
      }
      for (name, write) in [("tar", TarArchive.write), ("cpio", CpioArchive.write)] {
        let places = ["1", "2"].map { folder.appending(path: "\(name)-\($0)") }
        try write(first, places[0].path, 5)
        try write(second, places[1].path, 5)
        #expect(try Data(contentsOf: places[0]) == Data(contentsOf: places[1]))
      }
    }
  }

  @Test("A file that became shorter after the tree was made is an error, and the archive has no gap")
  func shorter() async throws {
    try await withTemporaryFolder { folder in
      let file = try folder.writing("1234567890", to: "file")
      var tree = FileTree()
      try tree.addFile("file", from: file.path, origin: "x")
      #expect(truncate(file.path, 5) == 0)
      let failure = #expect(throws: FileFailure.self) {
        try TarArchive.write(tree, to: folder.appending(path: "tree.tar").path, time: 0)
      }
      #expect(failure?.problem == "cannot read \(file.path): it became shorter during the build")
    }
  }
}
