import Foundation
import HostSystem
import Sandbox
import Testing
import TestFixtures

@Suite(.enabled(if: geteuid() == 0, "mounting needs root, or subordinate ids")) struct SandboxTests {
  private func withBox(_ body: (Sandbox, URL) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      let layers = folder.appending(path: "layers")
      try FolderTree.create(layers.path)
      try await body(try Sandbox(scratch: folder), layers)
    }
  }

  @Test func whatAStepWritesIsInTheUpperLayerOnly() async throws {
    try await withBox { box, layers in
      let (lower, upper) = (layers.appending(path: "lower"), layers.appending(path: "upper"))
      for folder in [lower, upper] { try FolderTree.create(folder.path) }
      try FolderTree.replaceFile(lower.appending(path: "kept").path, with: "kept".utf8)
      try FolderTree.replaceFile(lower.appending(path: "changed").path, with: "old".utf8)
      try await box.run(
        """
        cd \(Sandbox.treePath)
        printf new > changed
        printf made > made
        test "$(cat kept)" = kept
        """, root: .overlay(lower: [lower], upper: upper), place: .beside, to: "write")
      #expect(try FolderTree.names(in: upper.path).sorted() == ["changed", "made"])
      #expect(try FolderTree.readFile(lower.appending(path: "changed").path) == Array("old".utf8))
      #expect(try FolderTree.names(in: layers.path).sorted() == ["lower", "upper"])
    }
  }
}
