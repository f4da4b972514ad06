import Foundation
import TestFixtures
import Testing

@testable import struct cultivar.CacheLimit

@Suite("The cache on the command line")
struct CacheCommandTests {
  private struct Listing: Decodable {
    struct Kind: Decodable {
      var kind: String
      var count: Int
      var size: Int64
      var lastUse: Int64
    }
    var folder: String
    var size: Int64
    var kinds: [Kind]
  }

  /// Makes a cache with an archive of 100 kB.
  private func withCache(_ work: (URL, URL) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let cache = folder.appending(path: "cache")
      let file = cache.appending(path: "archives/x.deb")
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(repeating: 7, count: 100_000).write(to: file)
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: -40 * 86_400)], ofItemAtPath: file.path)
      try work(folder, file)
    }
  }

  private func run(_ arguments: [String], in folder: URL) throws -> Cultivar.Outcome {
    try Cultivar.run(
      ["cache"] + arguments, in: folder, environment: ["CULTIVAR_CACHE": folder.appending(path: "cache").path])
  }

  @Test("The content is listed by kind, as a table and as JSON")
  func list() throws {
    try withCache { folder, _ in
      let table = try run(["list"], in: folder)
      #expect(table.status == 0)
      #expect(table.output.contains("archives      1"))
      #expect(table.output.contains("total         1"))
      let listing = try JSONDecoder().decode(
        Listing.self, from: Data(try run(["list", "--json"], in: folder).output.utf8))
      #expect(listing.kinds.map(\.kind) == ["archives"])
      #expect(listing.size >= 100_000 && listing.size == listing.kinds[0].size)
    }
  }

  @Test("Results older than a time are removed, and newer ones stay", arguments: [("30d", false), ("8w", true)])
  func collect(time: String, stays: Bool) throws {
    try withCache { folder, file in
      let outcome = try run(["gc", "--older-than", time], in: folder)
      #expect(outcome.status == 0)
      #expect(outcome.output.hasPrefix(stays ? "removed 0 results" : "removed 1 result,"))
      #expect(FileManager.default.fileExists(atPath: file.path) == stays)
    }
  }

  @Test("Without a configured limit, the cache leaves half of a small disk free")
  func smallDisk() throws {
    try withTemporaryFolder { folder in
      // Three results take 6 of 8 MB. The limit is half of their size and the free space together.
      let script = """
        mount -t tmpfs -o size=8M none "$0" && mkdir -p "$0/archives" && cd "$0/archives" || exit 9
        for day in 1 2 3; do head -c 2000000 /dev/zero > "$day.deb"; touch -d "2020-01-0$day" "$day.deb"; done
        CULTIVAR_CACHE="$0" "$1" cache gc >&2 && ls
        """
      let outcome = try Judge("unshare").run(
        ["--map-root-user", "--mount", "sh", "-c", script, folder.path, BuiltTool.file.path],
        environment: ["CULTIVAR_CACHE_LIMIT": nil])
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output == "2.deb\n3.deb\n")
    }
  }

  @Test("The cache is cleared only after confirmation")
  func clear() throws {
    try withCache { folder, file in
      let asked = try run(["clear"], in: folder)
      #expect(asked.status == 1)
      #expect(asked.errors.hasSuffix("there is no terminal\n  confirm with --yes\n"))
      #expect(FileManager.default.fileExists(atPath: file.path))
      let cleared = try run(["clear", "--yes", "--json"], in: folder)
      #expect(cleared.status == 0)
      #expect(!FileManager.default.fileExists(atPath: file.path))
    }
  }

  @Test(
    "An invalid size or time is refused",
    arguments: [["gc", "--max-size", "20 apples"], ["gc", "--older-than", "1y"]])
  func wrong(arguments: [String]) throws {
    try withCache { folder, file in
      let outcome = try run(arguments, in: folder)
      #expect(outcome.status == 64)
      #expect(FileManager.default.fileExists(atPath: file.path))
    }
  }

  @Test(
    "The limit comes from the environment",
    arguments: [("20G", 20 << 30), ("500M", 500 << 20), ("7", 7), ("none", nil), ("", CacheLimit.usual)]
      as [(String, Int64?)])
  func limit(text: String, bytes: Int64?) throws {
    #expect(try CacheLimit(environment: ["CULTIVAR_CACHE_LIMIT": text]).bytes == bytes)
  }

  @Test(
    "An invalid limit is reported before the build", arguments: ["G", "-1", "1.5G", "9999999999T", "much"])
  func wrongLimit(text: String) {
    #expect(throws: CacheLimit.NoSize.self) { _ = try CacheLimit(environment: ["CULTIVAR_CACHE_LIMIT": text]) }
  }
}
