import Foundation
import HostSystem
import TestFixtures
import Testing

@testable import DebianArchive

@Suite("Package lists from one build to the next")
struct PackageListTests {
  private func lists(in folder: URL, _ name: String) throws -> URL {
    let lists = folder.appending(path: name)
    try FolderTree.create(lists.appending(path: "partial").path)
    return lists
  }

  private func fetched(in folder: URL, _ texts: [String: String]) throws -> URL {
    let lists = try lists(in: folder, UUID().uuidString)
    for (name, text) in texts { try lists.writing(text, to: name) }
    try lists.writing("", to: "lock")
    return lists
  }

  @Test("Kept lists are lent for the same sources, and for no others")
  func lent() async throws {
    try await withTemporaryFolder { folder in
      let cache = try Cache(at: folder.appending(path: "cache"))
      let store = PackageListStore(of: "a", in: cache)
      let first = try await store.keep(try fetched(in: folder, ["x_InRelease": "1"]), lent: PackageLists())
      let second = try await store.keep(try fetched(in: folder, ["x_InRelease": "2"]), lent: first)
      let next = try lists(in: folder, "next")

      #expect(try store.lend(to: next) == second)
      #expect(first.identity != second.identity)
      #expect(try next.text("x_InRelease") == "2")
      #expect(try FolderTree.names(in: next.path).sorted() == ["partial", "x_InRelease"])
      #expect(try PackageListStore(of: "b", in: cache).lend(to: try lists(in: folder, "other")) == PackageLists())
    }
  }

  @Test("Of lists of which one is damaged or missing, none is lent", arguments: [true, false])
  func damaged(_ isMissing: Bool) async throws {
    try await withTemporaryFolder { folder in
      let cache = try Cache(at: folder.appending(path: "cache"))
      let store = PackageListStore(of: "a", in: cache)
      _ = try await store.keep(try fetched(in: folder, ["x": "1", "y": "2"]), lent: PackageLists())
      let indexes = folder.appending(path: "cache/indexes")
      let place = indexes.appending(path: try #require(try FolderTree.names(in: indexes.path).first))
      unlink(place.appending(path: "y").path)
      if !isMissing { try place.writing("", to: "y") }
      let next = try lists(in: folder, "next")

      #expect(try store.lend(to: next) == PackageLists())
      #expect(try FolderTree.names(in: next.path) == ["partial"])
    }
  }

  @Test("The list of an archive on this machine counts, and is not kept")
  func local() async throws {
    try await withTemporaryFolder { folder in
      let store = PackageListStore(of: "a", in: try Cache(at: folder.appending(path: "cache")))
      let lists = try fetched(in: folder, ["x": "1"])
      let archive = try folder.writing("Package: a", to: "archive")
      try #require(symlink(archive.path, lists.appending(path: "local_Packages").path) == 0)
      let first = try await store.keep(lists, lent: PackageLists())
      let next = try self.lists(in: folder, "next")
      _ = try store.lend(to: next)
      #expect(try FolderTree.names(in: next.path).sorted() == ["partial", "x"])
      try folder.writing("Package: b", to: "archive")
      let second = try await store.keep(lists, lent: PackageLists())
      #expect(first.identity != second.identity)
    }
  }
}
