import Foundation
import LinuxSystem
import TestFixtures
import Testing

@Suite("Paths in an untrusted tree")
struct ForeignTreeTests {
  private func link(_ path: String, to target: String, in folder: URL) throws {
    let place = folder.appending(path: path)
    try FileManager.default.createDirectory(at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: place.path, withDestinationPath: target)
  }

  @Test(
    "No link leads out: neither an absolute one, nor one with dots, nor one to a parent folder",
    arguments: [("file", "/etc/passwd"), ("file", "../../../../../../etc/passwd"), ("etc", "/etc"), ("etc", "../etc")])
  func links(name: String, target: String) async throws {
    try await withTemporaryFolder { folder in
      try folder.writing("host", to: "etc/passwd")
      let root = folder.appending(path: "root")
      try link(name, to: target, in: root)
      let tree = try ForeignTree(root.path)

      #expect(try tree.content(of: name == "etc" ? "etc/passwd" : name, limit: 100) == nil)
    }
  }

  @Test("A link is resolved with the tree as the root, and its path on the host is returned")
  func inside() async throws {
    try await withTemporaryFolder { folder in
      try folder.writing("tree", to: "usr/lib/os-release")
      try link("etc/os-release", to: "/usr/lib/os-release", in: folder)
      try link("lib", to: "usr/lib", in: folder)
      let tree = try ForeignTree(folder.path)

      #expect(try tree.content(of: "etc/os-release", limit: 4) == Array("tree".utf8))
      #expect(tree.place(of: "etc/os-release", .file)?.hasSuffix("/usr/lib/os-release") == true)
      #expect(tree.names(in: "lib") == ["os-release"])
      #expect(tree.kind(of: "lib") == .folder)
      #expect(tree.kind(of: "none") == nil)
    }
  }

  @Test(
    "A pipe does not block, a device is not read, and a file is not read beyond its limit", .timeLimit(.minutes(10)))
  func kinds() async throws {
    try await withTemporaryFolder { folder in
      try #require(mkfifo(folder.appending(path: "pipe").path, 0o644) == 0)
      try link("zero", to: "/dev/zero", in: folder)
      try folder.writing("12345", to: "file")
      let tree = try ForeignTree(folder.path)

      #expect(try tree.content(of: "pipe", limit: 100) == nil)
      #expect(try tree.content(of: "zero", limit: 100) == nil)
      #expect(tree.kind(of: "pipe") == .other)
      #expect(throws: SystemError.self) { try tree.content(of: "file", limit: 4) }
    }
  }
}
