import Foundation
import HostSystem
import TestFixtures
import Testing

@testable import RootFilesystem

@Suite("Shared libraries")
struct SharedLibrariesTests {
  private let libraries = SharedLibraries(architecture: .amd64)
  private static let folder = "usr/lib/x86_64-linux-gnu"

  /// Makes a tree with ELF files and their dependencies, by path.
  private func tree(
    _ files: [String: ELFSample], links: [String: String] = [:], origin: String = "program app", in folder: URL
  ) throws -> FileTree {
    var tree = FileTree()
    for (path, sample) in files {
      let file = try folder.writing(sample.bytes, to: "\(UUID().uuidString)/file")
      try tree.addFile(path, from: file.path, mode: 0o755, origin: origin)
    }
    for (path, target) in links { try tree.add(path, .link(target), mode: 0o777, from: origin) }
    return tree
  }

  @Test("Missing libraries and loaders are reported for each file")
  func unmet() async throws {
    try await withTemporaryFolder { folder in
      let tree = try tree(
        ["usr/bin/app": .dynamic(needing: ["liba.so.1", "libb.so.2"]), "\(Self.folder)/liba.so.1.0": ELFSample()],
        links: ["\(Self.folder)/liba.so.1": "liba.so.1.0"], in: folder)
      let needs = try libraries.unmet(in: tree)
      #expect(needs.map(\.file) == ["usr/bin/app"])
      #expect(needs.first?.missing == ["/lib64/ld-linux-x86-64.so.2", "libb.so.2"])
      #expect(needs.first?.origin == "program app")
    }
  }

  @Test("A search path next to the executable is used, with $ORIGIN")
  func origin() async throws {
    try await withTemporaryFolder { folder in
      var app = ELFSample.dynamic(needing: ["libown.so"], interpreter: "/lib64/ld")
      app.runPath = "$ORIGIN/../lib/app"
      let tree = try tree(
        ["usr/bin/app": app, "usr/lib/app/libown.so": ELFSample(), "usr/lib64/ld": ELFSample()], in: folder)
      #expect(try libraries.unmet(in: tree).isEmpty)
    }
  }

  @Test("Libraries are added with their dependencies: only their files and links, only from needed packages")
  func complete() async throws {
    try await withTemporaryFolder { folder in
      var tree = try tree(["usr/bin/app": .dynamic(needing: ["liba.so.1"])], in: folder)
      func package(_ name: String, _ files: [String: [UInt8]], _ links: [String: String] = [:]) throws -> URL {
        let place = folder.appending(path: name)
        for (path, bytes) in files { try place.writing(bytes, to: path) }
        for (path, target) in links {
          try FileManager.default.createSymbolicLink(
            atPath: place.appending(path: path).path, withDestinationPath: target)
        }
        return place
      }
      var second = ELFSample.dynamic(needing: ["libc.so.6"])
      second.interpreter = nil
      let libc = try package(
        "libc6", ["\(Self.folder)/libc.so.6": ELFSample().bytes, "usr/lib64/ld-linux-x86-64.so.2": ELFSample().bytes])
      let liba = try package(
        "liba1", ["\(Self.folder)/liba.so.1.2": second.bytes, "\(Self.folder)/libunused.so.1": second.bytes],
        ["\(Self.folder)/liba.so.1": "liba.so.1.2"])

      try await libraries.complete(
        &tree,
        from: [
          ("liba1", { liba }), ("libc6", { libc }),
          ("libother", { throw FileFailure("unpack", "libother", reason: "nobody needs it") }),
        ])

      let files = tree.paths.filter { if case .folder = tree[$0]?.kind { false } else { true } }
      #expect(
        files == [
          "usr/bin/app", "\(Self.folder)/liba.so.1", "\(Self.folder)/liba.so.1.2", "\(Self.folder)/libc.so.6",
          "usr/lib64/ld-linux-x86-64.so.2",
        ])
      #expect(tree["\(Self.folder)/liba.so.1"]?.origin == "package liba1")
      #expect(try libraries.unmet(in: tree).isEmpty)
    }
  }

  @Test("A damaged library is named with its origin")
  func damaged() async throws {
    try await withTemporaryFolder { folder in
      let bytes = ELFSample.dynamic(needing: ["libc.so.6"]).bytes.prefix(100)
      let file = try folder.writing(Array(bytes), to: "broken")
      var tree = FileTree()
      try tree.addFile("usr/lib/libbroken.so", from: file.path, origin: "program app")
      let failure = #expect(throws: FileFailure.self) { _ = try libraries.unmet(in: tree) }
      #expect(
        failure?.problem.hasPrefix(
          "cannot take /usr/lib/libbroken.so from program app: the executable is damaged: ") == true)
    }
  }
}
