import Foundation
import TestFixtures
import Testing

@testable import Programs

@Suite("Source folders")
struct SourceFolderTests {
  @Test("Content, names, executable bits and links count; times do not")
  func changes() async throws {
    try await withTemporaryFolder { folder in
      let file = try folder.writing("a", to: "Sources/a.swift")
      let start = try SourceFolder.identity(folder.path)

      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 5)], ofItemAtPath: file.path)
      #expect(try SourceFolder.identity(folder.path) == start)
      try folder.writing("b", to: "Sources/a.swift")
      let changed = try SourceFolder.identity(folder.path)
      try folder.writing("b", to: "Sources/a.swift", mode: 0o755)
      let run = try SourceFolder.identity(folder.path)
      try FileManager.default.moveItem(at: file, to: folder.appending(path: "Sources/b.swift"))
      let moved = try SourceFolder.identity(folder.path)
      try FileManager.default.createSymbolicLink(
        atPath: folder.appending(path: "link").path, withDestinationPath: "/nowhere")
      let linked = try SourceFolder.identity(folder.path)

      #expect(Set([start, changed, run, moved, linked]).count == 5)
    }
  }

  @Test("Files of tools do not count: repositories, build folders, and folders tagged as caches")
  func made() async throws {
    try await withTemporaryFolder { folder in
      try folder.writing("a", to: "main.rs")
      let start = try SourceFolder.identity(folder.path)
      for path in [".git/HEAD", ".build/x", ".build-release/x", "target/CACHEDIR.TAG", "target/debug/x"] {
        try folder.writing("x", to: path)
      }
      #expect(try SourceFolder.identity(folder.path) == start)
    }
  }

  @Test("A source folder counts, whatever its name")
  func names() async throws {
    try await withTemporaryFolder { folder in
      try folder.writing("a", to: "Sources/target/a.swift")
      let start = try SourceFolder.identity(folder.path)
      try folder.writing("b", to: "Sources/target/a.swift")
      #expect(try SourceFolder.identity(folder.path) != start)
    }
  }
}
