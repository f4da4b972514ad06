import Foundation
import HostSystem
import TestFixtures
import Testing

@testable import RootFilesystem

@Suite("The tree of a root file system")
struct FileTreeTests {
  private func text(_ text: String) -> FileTree.Kind { .file(.bytes(Array(text.utf8))) }

  @Test("Paths in the merged folders move to /usr, and parents are made")
  func mergedUsr() throws {
    var tree = FileTree()
    try tree.add("/lib/x86_64-linux-gnu/libc.so.6", text("libc"), mode: 0o644, from: "package libc6")
    try tree.add("usr/bin/./tool/", text("tool"), mode: 0o755, from: "package tool")
    try tree.addMergedUsr()
    #expect(
      tree.paths == [
        "bin", "lib", "lib64", "sbin", "usr", "usr/bin", "usr/bin/tool", "usr/lib", "usr/lib/x86_64-linux-gnu",
        "usr/lib/x86_64-linux-gnu/libc.so.6", "usr/lib64", "usr/sbin",
      ])
    #expect(tree["/bin/tool"]?.origin == "package tool")
  }

  @Test("Two origins with different content for one path are both named")
  func conflict() throws {
    var tree = FileTree()
    try tree.add("etc/motd", text("hello"), mode: 0o644, from: "program web")
    let failure = #expect(throws: FileTreeConflict.self) {
      try tree.add("/etc/motd", text("bye"), mode: 0o644, from: "package base")
    }
    #expect(
      failure?.description == """
        program web and package base both contain /etc/motd, with different content
          give one of them another path or name, or remove it
        """)
  }

  @Test("The same content from two origins is no conflict; another mode, kind, or a file as a folder is")
  func sameAndOther() async throws {
    try await withTemporaryFolder { folder in
      let file = try folder.writing("same", to: "file")
      var tree = FileTree()
      try tree.add("a/file", text("same"), mode: 0o644, from: "first")
      try tree.add("a/link", .link("file"), mode: 0o777, from: "first")
      try tree.addFile("a/file", from: file.path, origin: "second")
      try tree.add("a/link", .link("file"), mode: 0o777, from: "second")
      try tree.add("a", .folder, mode: 0o700, from: "second")

      #expect(tree["a/file"]?.origin == "first")
      #expect(tree["a"]?.mode == 0o755)
      #expect(throws: FileTreeConflict.self) { try tree.add("a/file", text("same"), mode: 0o600, from: "x") }
      #expect(throws: FileTreeConflict.self) { try tree.add("a/link", .link("other"), mode: 0o777, from: "x") }
      #expect(throws: FileTreeConflict.self) { try tree.add("a", text("same"), mode: 0o644, from: "x") }
      #expect(throws: FileTreeConflict.self) { try tree.add("a/file/below", text(""), mode: 0o644, from: "x") }
      #expect(throws: FileTreeConflict.self) { try tree.replace("a", text(""), mode: 0o644, from: "x") }
    }
  }

  @Test("The identity depends on the content, not on the order, the origin, or the path on the build host")
  func identity() async throws {
    try await withTemporaryFolder { folder in
      let file = try folder.writing("x", to: "some/where")
      var first = FileTree()
      try first.add("a", text("x"), mode: 0o644, from: "one")
      try first.add("b", .link("a"), mode: 0o777, from: "one")
      var second = FileTree()
      try second.add("b", .link("a"), mode: 0o777, from: "two")
      try second.addFile("a", from: file.path, origin: "two")
      var third = second
      try third.replace("a", text("x"), mode: 0o644, uid: 1, from: "two")

      #expect(try first.identity() == second.identity())
      #expect(try first.identity() != third.identity())
    }
  }

  @Test("A project's folder has standard modes, a package's its own; links stay links, and sockets are refused")
  func folders() async throws {
    try await withTemporaryFolder { folder in
      try folder.writing("", to: "f/run", mode: 0o700)
      try folder.writing("", to: "f/secret", mode: 0o600)
      try FileManager.default.createSymbolicLink(
        atPath: folder.appending(path: "f/link").path, withDestinationPath: "/nowhere")
      var plain = FileTree()
      try plain.addFolder(folder.appending(path: "f").path, at: "to", keepModes: false, origin: "x")
      var kept = FileTree()
      try kept.addFolder(folder.appending(path: "f").path, keepModes: true, origin: "x") { $0 != "link" }

      #expect(plain.paths == ["to", "to/link", "to/run", "to/secret"])
      #expect(plain["to/run"]?.mode == 0o755 && plain["to/secret"]?.mode == 0o644)
      #expect(kept.paths == ["run", "secret"])
      #expect(kept["run"]?.mode == 0o700 && kept["secret"]?.mode == 0o600)

      #expect(mkfifo(folder.appending(path: "f/pipe").path, 0o600) == 0)
      let failure = #expect(throws: FileFailure.self) {
        try kept.addFolder(folder.appending(path: "f").path, keepModes: true, origin: "x")
      }
      #expect(failure?.problem.hasSuffix("f/pipe: it is not a file, a folder or a link") == true)
    }
  }

  @Test("Links to files and folders are followed; circular links and links out of the tree lead nowhere")
  func links() throws {
    var tree = FileTree()
    try tree.addMergedUsr()
    try tree.add("usr/lib/real/tool", text(""), mode: 0o755, from: "x")
    try tree.add("usr/lib/alias", .link("./real"), mode: 0o777, from: "x")
    try tree.add("usr/bin/tool", .link("../lib/alias/tool"), mode: 0o777, from: "x")
    try tree.add("usr/bin/absolute", .link("/bin/tool"), mode: 0o777, from: "x")
    try tree.add("usr/bin/circle", .link("circle"), mode: 0o777, from: "x")
    try tree.add("usr/bin/lost", .link("/etc/alternatives/lost"), mode: 0o777, from: "x")
    try tree.add("usr/bin/out", .link("../../../../usr/bin/tool"), mode: 0o777, from: "x")

    #expect(tree.resolve("/bin/tool") == "usr/lib/real/tool")
    #expect(tree.resolve("bin/absolute") == "usr/lib/real/tool")
    #expect(tree.resolve("usr/bin/out") == "usr/lib/real/tool")
    #expect(tree.resolve("usr/bin/circle") == nil)
    #expect(tree.resolve("usr/bin/lost") == nil)
    #expect(tree.resolve("usr/bin") == nil)
  }
}
