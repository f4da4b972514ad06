import Foundation
import Glibc
import Hashing
import TestFixtures
import Testing

@testable import HostSystem

@Suite("Pruning the cache")
struct CacheCollectionTests {
  /// Stores results of 100 kB, least recently used first: their uses are a day apart, the last one three days ago.
  private func fill(_ folder: URL, _ names: [String]) async throws -> [URL] {
    let cache = try Cache(at: folder)
    var places: [URL] = []
    for (index, name) in names.enumerated() {
      let place = try await cache.result("kind", Digest(of: name)) { folder in
        try folder.writing([UInt8](repeating: 7, count: 100_000), to: "file")
      }
      try age(place, days: 2 + names.count - index)
      places.append(place)
    }
    return places
  }

  private func age(_ place: URL, days: Int) throws {
    let seconds = time(nil) - days * 86_400
    let times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
    try #require(utimensat(AT_FDCWD, place.path, times, 0) == 0)
  }

  private func exist(_ places: [URL]) -> [Bool] { places.map { FileManager.default.fileExists(atPath: $0.path) } }

  @Test("With a limit, the least recently used results are removed first, and no more than needed")
  func limit() async throws {
    try await withTemporaryFolder { folder in
      let places = try await fill(folder, ["a", "b", "c", "d"])
      let cache = try Cache(at: folder)
      let each = try #require(try cache.entries().first?.size)
      #expect(try cache.entries().map(\.place.lastPathComponent) == places.map(\.lastPathComponent))

      let removed = try cache.collect(limit: each * 2 + 1)

      #expect(removed.map(\.name) == places.prefix(2).map(\.lastPathComponent))
      #expect(exist(places) == [false, false, true, true])
      #expect(try cache.collect(limit: each * 2).isEmpty)
      #expect(try FolderTree.names(in: folder.appending(path: "scratch").path) == [])
    }
  }

  @Test("Results not used since a time are removed, whatever the size of the cache")
  func old() async throws {
    try await withTemporaryFolder { folder in
      let places = try await fill(folder, ["a", "b", "c"])
      let since = CacheTime(seconds: Int64(time(nil)) - 4 * 86_400 - 3_600)
      _ = try Cache(at: folder).collect(limit: nil, unusedSince: since)
      #expect(exist(places) == [false, true, true])
    }
  }

  @Test("Taking a result makes it the most recently used")
  func use() async throws {
    struct Remade: Error {}
    try await withTemporaryFolder { folder in
      let places = try await fill(folder, ["a", "b"])
      _ = try await Cache(at: folder).result("kind", Digest(of: "a")) { _ in throw Remade() }
      let cache = try Cache(at: folder)
      #expect(try cache.entries().map(\.place.lastPathComponent) == places.reversed().map(\.lastPathComponent))
    }
  }

  @Test("Results in use by a running build stay until that build has ended")
  func running() async throws {
    try await withTemporaryFolder { folder in
      let places = try await fill(folder, ["a", "b", "c"])
      var build: Cache? = try Cache(at: folder)
      #expect(build?.take(places[0]) == true)
      let made = try await build?.result("kind", Digest(of: "new")) { try $0.writing("new", to: "file") }
      let all = places + [try #require(made)]

      _ = try Cache(at: folder).collect(limit: 0)
      #expect(exist(all) == [true, false, false, true])

      build = nil
      _ = try Cache(at: folder).collect(limit: 0)
      #expect(exist(all) == [false, false, false, false])
      #expect(try FolderTree.names(in: folder.appending(path: "running").path) == [])
    }
  }

  @Test("Builds that take results during a collection find each one complete, or make it again")
  func race() async throws {
    try await withTemporaryFolder { folder in
      let names = (0..<30).map { "\($0)" }
      _ = try await fill(folder, names)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<3 {
          group.addTask {
            let cache = try Cache(at: folder)
            for name in names.shuffled() {
              let place = try await cache.result("kind", Digest(of: name)) { place in
                try place.writing([UInt8](repeating: 7, count: 100_000), to: "file")
              }
              for _ in 0..<3 {
                #expect(try FolderTree.readFile(place.appending(path: "file").path).count == 100_000)
                await Task.yield()
              }
            }
          }
        }
        group.addTask {
          for _ in 0..<20 {
            _ = try Cache(at: folder).collect(limit: 0)
            await Task.yield()
          }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test("The mark of a killed build keeps nothing in the cache")
  func killed() async throws {
    try await withTemporaryFolder { folder in
      let places = try await fill(folder, ["a"])
      let mark = try folder.writing("", to: "running/left-over")
      try age(mark, days: 30)
      _ = try Cache(at: folder).collect(limit: 0)
      #expect(exist(places) == [false])
      #expect(!FileManager.default.fileExists(atPath: mark.path))
    }
  }

  @Test("Fetched archives and the folders of language tools are also counted and pruned")
  func otherKinds() async throws {
    try await withTemporaryFolder { folder in
      let cache = try Cache(at: folder)
      let deb = try folder.writing([UInt8](repeating: 1, count: 5_000), to: "archives/x.deb")
      let build = try folder.writing("object", to: "build/key/deep/file").deletingLastPathComponent()
        .deletingLastPathComponent()
      for place in [deb, build] { try age(place, days: 9) }
      #expect(Set(try cache.entries().map(\.kind)) == ["archives", "build"])
      _ = try cache.collect(limit: 0)
      #expect(exist([deb, build]) == [false, false])
    }
  }

  @Test("The cache's remover removes scratch folders, leftovers of killed builds, and results")
  func remover() async throws {
    try await withTemporaryFolder { folder in
      let removed = Removed()
      try folder.writing("left over", to: "scratch/old/file")
      let cache = try Cache(at: folder) { path in
        removed.add(path)
        FolderTree.remove(path)
      }
      try await cache.withScratch { _ in }
      #expect(removed.count == 2)
      let places = try await fill(folder, ["a"])
      _ = try cache.collect(limit: nil, unusedSince: CacheTime(seconds: Int64(time(nil)) - 60))
      #expect(removed.count == 3)
      #expect(exist(places) == [false])
    }
  }

  /// Counts the paths that a remover has received.
  private final class Removed: @unchecked Sendable {
    private let lock = NSLock()
    private var paths: [String] = []

    var count: Int { lock.withLock { paths.count } }

    func add(_ path: String) { lock.withLock { paths.append(path) } }
  }
}
