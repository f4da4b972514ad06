import Foundation
import Hashing
import HostSystem
import Lock
import TestFixtures
import Testing

@testable import DebianArchive

@Suite("Files of packages")
struct PackageTreesTests {
  /// Makes a package whose archive is already in the cache.
  private func makePackage(in folder: URL, cache: Cache) throws -> DebianPackage {
    try folder.writing(
      "Package: sample\nVersion: 1\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: x\n",
      to: "deb/DEBIAN/control")
    try folder.writing("#!/bin/sh\nfalse\n", to: "deb/DEBIAN/postinst", mode: 0o755)
    try folder.writing("content", to: "deb/usr/share/sample/file")
    let file = folder.appending(path: "sample.deb")
    let verdict = try Judge("dpkg-deb").run([
      "--build", "--root-owner-group", folder.appending(path: "deb").path, file.path,
    ])
    try #require(verdict.status == 0, "\(verdict.errors)")
    let hash = try Digest(ofFile: file.path)
    try cache.folder.writing(Array(Data(contentsOf: file)), to: "archives/\(hash).deb")
    return DebianPackage(
      name: "sample", version: "1", architecture: "all", archive: .main, path: "pool/sample.deb", size: 1, sha256: hash)
  }

  private func archive(_ cache: Cache, in folder: URL) throws -> DebianArchive {
    DebianArchive(
      cache: cache, mirror: Mirror(main: "http://127.0.0.1:9/debian", security: "http://127.0.0.1:9/security"),
      lock: try ProjectLock(file: folder.appending(path: "cultivar.lock")))
  }

  @Test("A package is unpacked, and none of its scripts is run")
  func unpacking() async throws {
    try await withTemporaryFolder { folder in
      let cache = try Cache(at: folder.appending(path: "cache"))
      let package = try makePackage(in: folder, cache: cache)
      let trees = try await archive(cache, in: folder).trees(of: [package])
      #expect(try trees.first?.text("usr/share/sample/file") == "content")
      #expect(try FolderTree.names(in: trees.first?.path ?? "") == ["usr"])
    }
  }

  @Test("A damaged archive in the cache is fetched again, not unpacked; if that fails, the error says so")
  func damagedArchive() async throws {
    try await withTemporaryFolder { folder in
      let cache = try Cache(at: folder.appending(path: "cache"))
      let package = try makePackage(in: folder, cache: cache)
      let file = cache.folder.appending(path: "archives/\(package.sha256).deb").path
      #expect(truncate(file, 100) == 0)

      let failure = await #expect(throws: ArchiveFailure.self) {
        _ = try await archive(cache, in: folder).trees(of: [package])
      }

      #expect(failure?.problem.hasPrefix("cannot fetch sample_1_all: cannot reach 127.0.0.1:9\n") == true)
      #expect(failure?.remedy?.hasPrefix("check the network") == true)
      #expect(!FileManager.default.fileExists(atPath: cache.location("package", package.sha256).path))
    }
  }
}
