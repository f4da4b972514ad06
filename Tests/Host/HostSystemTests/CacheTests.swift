import Foundation
import Glibc
import Hashing
import LinuxSystem
import TestFixtures
import Testing

@testable import HostSystem

@Suite("The cache")
struct CacheTests {
  private struct Refusal: Error {}

  private func scratch(of cache: Cache) throws -> [String] {
    try FolderTree.names(in: cache.folder.appending(path: "scratch").path)
  }

  @Test("A result is made once and found again, also when the cache is opened again")
  func madeOnce() async throws {
    try await withTemporaryFolder { folder in
      let key = Digest(of: "a")
      let first = try await Cache(at: folder).result("kind", key) { try $0.writing("content", to: "file") }
      let second = try await Cache(at: folder).result("kind", key) { _ in throw Refusal() }

      #expect(first == second)
      #expect(try second.text("file") == "content")
    }
  }

  @Test("A default access control list above the cache changes no modes of files in it")
  func inheritedRights() async throws {
    try await withTemporaryFolder { folder in
      // user::rwx, user:1000:rwx, group::rwx, mask::rwx, other::--- (acl(5)).
      let entries: [(tag: UInt8, rights: UInt8, id: UInt32)] = [
        (1, 7, .max), (2, 7, 1000), (4, 7, .max), (0x10, 7, .max), (0x20, 0, .max),
      ]
      let list = entries.reduce(into: [2, 0, 0, 0] as [UInt8]) { list, entry in
        list += [entry.tag, 0, entry.rights, 0] + withUnsafeBytes(of: entry.id.littleEndian, Array.init)
      }
      try ExtendedAttributes.set("system.posix_acl_default", of: folder.path, to: list)

      let place = try await Cache(at: folder.appending(path: "cache")).result("kind", Digest(of: "a")) { place in
        try FolderTree.create(place.appending(path: "inner").path)
        try FolderTree.writeFile(place.appending(path: "inner/file").path, with: [])
      }

      for path in ["", "inner", "inner/file"] {
        #expect(ExtendedAttributes.names(of: place.appending(path: path).path) == [])
      }
      var status = stat()
      try #require(stat(place.appending(path: "inner/file").path, &status) == 0)
      #expect(status.st_mode & 0o777 == 0o644)
    }
  }

  @Test("A failed step stores nothing and leaves no scratch folder")
  func failure() async throws {
    try await withTemporaryFolder { folder in
      let cache = try Cache(at: folder)
      let key = Digest(of: "a")

      await #expect(throws: Refusal.self) {
        _ = try await cache.result("kind", key) { place in
          try place.writing("half", to: "file")
          throw Refusal()
        }
      }

      #expect(!FileManager.default.fileExists(atPath: cache.location("kind", key).path))
      #expect(try scratch(of: cache) == [])
    }
  }

  @Test("A cancelled build stores nothing, even if the step itself did not notice")
  func cancellation() async throws {
    try await withTemporaryFolder { folder in
      let cache = try Cache(at: folder)
      let key = Digest(of: "a")
      let task = Task {
        try await cache.result("kind", key) { place in
          try place.writing("whole", to: "file")
          withUnsafeCurrentTask { $0?.cancel() }
        }
      }

      await #expect(throws: CancellationError.self) { _ = try await task.value }
      #expect(!FileManager.default.fileExists(atPath: cache.location("kind", key).path))
    }
  }

  @Test("Concurrent requests get the same complete result")
  func concurrency() async throws {
    try await withTemporaryFolder { folder in
      let cache = try Cache(at: folder)
      let key = Digest(of: "a")

      let texts = try await withThrowingTaskGroup(of: String.self) { group in
        for number in 0..<20 {
          group.addTask {
            let place = try await cache.result("kind", key) { place in
              try place.writing("first half, ", to: "file")
              await Task.yield()
              try place.writing("first half, second half", to: "file")
              try place.writing("\(number)", to: "maker")
            }
            return try place.text("file") + (try place.text("maker"))
          }
        }
        return try await group.reduce(into: Set<String>()) { $0.insert($1) }
      }

      #expect(texts.count == 1)
      #expect(texts.first?.hasPrefix("first half, second half") == true)
      #expect(try scratch(of: cache) == [])
    }
  }

  @Test("Leftovers of a killed build are removed by the next build; files of a running build stay")
  func sweeping() async throws {
    try await withTemporaryFolder { folder in
      let cache = try Cache(at: folder)
      try folder.writing("left over", to: "scratch/4194304-dead/content/file")

      try await cache.withScratch { scratch in
        try scratch.writing("at work", to: "file")
        _ = try Cache(at: folder)
        #expect(try scratch.text("file") == "at work")
        #expect(try self.scratch(of: cache) == [scratch.lastPathComponent])
      }

      #expect(try scratch(of: cache) == [])
    }
  }

  @Test(
    "The folder of the cache comes from the environment",
    arguments: [
      (["CULTIVAR_CACHE": "/a", "XDG_CACHE_HOME": "/b"], "/a"), (["XDG_CACHE_HOME": "/b"], "/b/cultivar"),
      (["CULTIVAR_CACHE": "", "XDG_CACHE_HOME": "/b"], "/b/cultivar"),
    ])
  func place(environment: [String: String], path: String) {
    #expect(Cache.defaultFolder(environment: environment).path == path)
  }

  @Test("A relative XDG_CACHE_HOME is ignored, as its specification requires")
  func relativePlace() {
    #expect(Cache.defaultFolder(environment: ["XDG_CACHE_HOME": "b"]).path.hasSuffix("/.cache/cultivar"))
  }
}

@Suite("Keys of cached results")
struct CacheKeyTests {
  private func key(_ add: (inout CacheKey) -> Void) -> Digest {
    var key = CacheKey("step 1")
    add(&key)
    return key.hash
  }

  @Test("Lists of fields with the same bytes in another grouping have different keys")
  func framing() {
    let keys = [
      key { _ in }, key { $0.add("") }, key { $0.add("ab") },
      key {
        $0.add("a"); $0.add("b")
      },
      key { $0.add(["a", "b"]) }, key { $0.add(["ab"]) },
      key {
        $0.add([]); $0.add("ab")
      },
      key {
        $0.add(["a"]); $0.add(["b"])
      },
    ]
    #expect(Set(keys).count == keys.count)
  }

  @Test("The same fields have the same key: the SHA-256 of the framed fields")
  func known() {
    var framed: [UInt8] = []
    for field in ["step 1", "é"] {
      framed += withUnsafeBytes(of: UInt64(field.utf8.count).littleEndian) { Array($0) } + Array(field.utf8)
    }
    #expect(key { $0.add("é") } == Digest(of: framed))
  }

  @Test("A file has the hash of its bytes, also if it is larger than one read")
  func files() async throws {
    try await withTemporaryFolder { folder in
      let bytes = (0..<(1 << 20) + 17).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      let file = try folder.writing(bytes, to: "file")
      #expect(try Digest(ofFile: file.path) == Digest(of: bytes))
    }
  }

  @Test("Hashes are read in both cases, and other texts are not hashes")
  func text() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    #expect(Digest(of: "").text == empty)
    #expect(Digest(hexadecimal: empty.uppercased())?.text == empty)
    #expect(Digest(of: "").bytes.prefix(2) == [0xe3, 0xb0])
    #expect(Digest(hexadecimal: String(empty.dropLast())) == nil)
    #expect(Digest(hexadecimal: "g" + empty.dropFirst()) == nil)
    #expect(Digest(hexadecimal: "٣" + empty.dropFirst(2)) == nil)
  }
}

@Suite("The cache after a power cut")
struct CacheDurabilityTests {
  private let key = Digest(of: "a")

  private func store(_ text: String, in folder: URL, start: String, isSynced: Bool) async throws {
    let cache = try Cache(at: folder, start: start)
    _ = try await cache.result("kind", key) { try $0.writing(text, to: "file") }
    if isSynced { try cache.synchronise() }
  }

  @Test("A result that was not synced is made again after a reboot", arguments: [false, true])
  func start(isSynced: Bool) async throws {
    try await withTemporaryFolder { folder in
      try await store("first", in: folder, start: "one", isSynced: isSynced)
      #expect(try Cache(at: folder, start: "one").has("kind", key))
      #expect(try Cache(at: folder, start: "two").has("kind", key) == isSynced)

      let place = try await Cache(at: folder, start: "two").result("kind", key) { try $0.writing("second", to: "file") }

      #expect(try place.text("file") == (isSynced ? "first" : "second"))
    }
  }

  @Test("A result whose note is lost or empty is made again", arguments: [nil, ""])
  func note(text: String?) async throws {
    try await withTemporaryFolder { folder in
      try await store("first", in: folder, start: "one", isSynced: true)
      let cache = try Cache(at: folder, start: "one")
      let note = cache.note(of: cache.location("kind", key)).path
      if let text { try FolderTree.writeFile(note, with: text.utf8) } else { unlink(note) }

      #expect(!cache.take(cache.location("kind", key)))

      #expect(access(cache.location("kind", key).path, F_OK) != 0)
      #expect(try FolderTree.names(in: folder.appending(path: "scratch").path) == [])
    }
  }

  @Test("A build without new results syncs nothing, except results of a killed build")
  func killed() async throws {
    try await withTemporaryFolder { folder in
      try await store("first", in: folder, start: "one", isSynced: false)
      let cache = try Cache(at: folder, start: "one")
      _ = try await cache.result("kind", key) { _ in }
      try cache.synchronise()
      let text = try FolderTree.readFile(cache.note(of: cache.location("kind", key)).path)
      #expect(text == Array("one".utf8))

      _ = try await cache.result("kind", Digest(of: "b")) { _ in }
      try cache.synchronise()

      #expect(try Cache(at: folder, start: "two").has("kind", key))
    }
  }
}
