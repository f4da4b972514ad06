import Foundation
import HostSystem
import TestFixtures
import Testing

@testable import Programs

@Suite("Incremental builds of programs")
struct IncrementalBuildTests {
  /// A language whose build copies one file, and counts its runs.
  private struct CopyBuild: LanguageBuild {
    var folder: URL
    var runs: URL
    /// Changes the source during the build, after it was read.
    var meanwhile: @Sendable (URL) throws -> Void = { _ in }

    func definition() async throws -> [String] { ["copy", folder.path] }
    func inputs(scratch: URL) async throws -> [String] { [folder.path] }

    func build(scratch: URL) async throws -> URL {
      let source = try folder.text("source")
      try meanwhile(folder)
      let count = ((try? runs.text("count")).flatMap { Int($0) } ?? 0) + 1
      try runs.writing("\(count)", to: "count")
      return try scratch.writing(source, to: "product", mode: 0o755)
    }
  }

  private func content(_ file: URL) throws -> String { try String(contentsOf: file, encoding: .utf8) }

  @Test("A program is built again only if its source has changed")
  func changes() async throws {
    try await withTemporaryFolder { folder in
      let builds = IncrementalBuild(cache: try Cache(at: folder.appending(path: "cache")))
      let source = folder.appending(path: "source")
      try source.writing("one", to: "source")
      let build = CopyBuild(folder: source, runs: folder)

      let first = try content(await builds.product(of: build))
      let second = try content(await builds.product(of: build))
      try source.writing("two", to: "source")
      let third = try content(await builds.product(of: build))

      #expect([first, second, third] == ["one", "one", "two"])
      #expect(try folder.text("count") == "2")
    }
  }

  @Test("A source that changes during its build is built again the next time")
  func changedMeanwhile() async throws {
    try await withTemporaryFolder { folder in
      let builds = IncrementalBuild(cache: try Cache(at: folder.appending(path: "cache")))
      let source = folder.appending(path: "source")
      try source.writing("one", to: "source")

      let first = try content(
        await builds.product(
          of: CopyBuild(folder: source, runs: folder) { try $0.writing("two", to: "source") }))
      let second = try content(await builds.product(of: CopyBuild(folder: source, runs: folder)))

      #expect([first, second] == ["one", "two"])
    }
  }

  @Test("A damaged record, or a product missing in the cache, costs only another build")
  func damage() async throws {
    try await withTemporaryFolder { folder in
      let cache = try Cache(at: folder.appending(path: "cache"))
      let source = folder.appending(path: "source")
      try source.writing("one", to: "source")
      let build = CopyBuild(folder: source, runs: folder)
      let product = try await IncrementalBuild(cache: cache).product(of: build)

      FolderTree.remove(product.deletingLastPathComponent().path)
      _ = try await IncrementalBuild(cache: cache).product(of: build)
      for name in try FolderTree.names(in: "\(cache.folder.path)/programs") {
        try cache.folder.writing("{", to: "programs/\(name)")
      }
      #expect(try content(await IncrementalBuild(cache: cache).product(of: build)) == "one")
      #expect(try folder.text("count") == "3")
    }
  }
}
