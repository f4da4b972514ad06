import Foundation
import Glibc
import TestFixtures
import Testing

@testable import HostSystem

@Suite("Folders of the build host")
struct FolderTreeTests {
  @Test("Removal deletes links but not their targets")
  func links() async throws {
    try await withTemporaryFolder { folder in
      try folder.writing("precious", to: "outside/file")
      try folder.writing("", to: "scratch/a/b/c")
      try FileManager.default.createSymbolicLink(
        atPath: folder.appending(path: "scratch/folder").path, withDestinationPath: "../outside")
      try FileManager.default.createSymbolicLink(
        atPath: folder.appending(path: "link").path, withDestinationPath: "outside")

      FolderTree.remove(folder.appending(path: "scratch").path)
      FolderTree.remove(folder.appending(path: "link").path)

      #expect(try FolderTree.names(in: folder.path) == ["outside"])
      #expect(try folder.text("outside/file") == "precious")
    }
  }

  @Test("Removal works for folders without any permission")
  func permissions() async throws {
    try await withTemporaryFolder { folder in
      try folder.writing("", to: "scratch/closed/file", mode: 0o000)
      chmod(folder.appending(path: "scratch/closed").path, 0)

      FolderTree.remove(folder.appending(path: "scratch").path)

      #expect(try FolderTree.names(in: folder.path) == [])
    }
  }

  @Test("A file is replaced completely; if it cannot be written, the old one stays and no temporary file is left")
  func replacement() async throws {
    try await withTemporaryFolder { folder in
      let file = try folder.writing("old", to: "file")
      try FolderTree.replaceFile(file.path, with: "new".utf8)
      try folder.writing("", to: "taken/inside")

      let failure = #expect(throws: FileFailure.self) {
        try FolderTree.replaceFile(folder.appending(path: "taken").path, with: "new".utf8)
      }

      #expect(try folder.text("file") == "new")
      #expect(failure?.problem.hasSuffix("Is a directory") == true)
      #expect(try FolderTree.names(in: folder.path) == ["file", "taken"])
    }
  }

  @Test("A failed operation is an error with the system's reason")
  func reasons() async throws {
    try await withTemporaryFolder { folder in
      let file = try folder.writing("", to: "file")
      let made = #expect(throws: FileFailure.self) { try FolderTree.create("\(file.path)/folder") }
      let read = #expect(throws: FileFailure.self) { _ = try FolderTree.readFile("\(folder.path)/none") }

      #expect(made?.problem == "cannot create the folder \(file.path)/folder: Not a directory")
      #expect(read?.problem == "cannot read \(folder.path)/none: No such file or directory")
    }
  }
}
