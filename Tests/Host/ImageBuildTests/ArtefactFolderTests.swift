import Foundation
import Hashing
import HostSystem
import TestFixtures
import Testing

@testable import ImageBuild

@Suite("The folder of an image's artefacts")
struct ArtefactFolderTests {
  @Test("A delta bundle stays as long as the bundle that it belongs to is unchanged")
  func companions() async throws {
    try await withTemporaryFolder { folder in
      let output = ArtefactFolder(folder.appending(path: "build/box"), name: "box")
      let text = """
        {"identity": {"project": "p", "image": "box", "deviceClass": "d", "version": "1", "build": ""}, "epoch": 0, "kernel": "",
        "firmwareNotIncluded": [], "sizes": {}, "slotSize": 0, "partitions": [], "programs": [], "packages": [], "artefacts": []}
        """
      let content = try JSONDecoder().decode(BuildManifest.self, from: Data(text.utf8))
      func artefact(_ name: String, _ key: UInt8, companion: UInt8? = nil) -> Artefact {
        Artefact(
          name: name, format: "bundle", key: Digest(of: [key]), companion: companion.map { Digest(of: [$0]) }
        ) { try FolderTree.writeFile($0, with: [key]) }
      }
      func names(_ artefacts: [Artefact]) async throws -> [String] {
        try await output.write(artefacts, manifest: content, progress: BuildProgress(style: .quiet)).artefacts.map(
          \.name)
      }
      let small = artefact("box.from-1.bundle", 2, companion: 1)
      #expect(try await names([artefact("box.bundle", 1), small]) == ["box.bundle", "box.from-1.bundle"])
      #expect(try await names([artefact("box.bundle", 1)]) == ["box.bundle", "box.from-1.bundle"])
      #expect(try await names([artefact("box.bundle", 3)]) == ["box.bundle"])
      #expect(!FileManager.default.fileExists(atPath: output.folder.appending(path: "box.from-1.bundle").path))
    }
  }

  @Test("Records that name files elsewhere do not cause their removal")
  func records() async throws {
    try await withTemporaryFolder { folder in
      let kept = try folder.writing("kept", to: "kept")
      let output = folder.appending(path: "build/box")
      let hash = Digest(of: [1]).text
      func record(_ name: String) -> String {
        "\"\(name)\": {\"key\":\"\(hash)\",\"state\":\"\",\"sha256\":\"\(hash)\"}"
      }
      try output.writing("old", to: "box.bundle")
      try output.writing(
        "{\(["../../kept", kept.path, "..", "", "box.bundle"].map(record).joined(separator: ","))}", to: ".written")

      let text = """
        {"identity": {"project": "p", "image": "box", "deviceClass": "d", "version": "1", "build": ""}, "epoch": 0, "kernel": "",
        "firmwareNotIncluded": [], "sizes": {}, "slotSize": 0, "partitions": [], "programs": [], "packages": [], "artefacts": []}
        """
      let content = try JSONDecoder().decode(BuildManifest.self, from: Data(text.utf8))
      let manifest = try await ArtefactFolder(output, name: "box").write(
        [], manifest: content, progress: BuildProgress(style: .quiet))

      #expect(manifest.artefacts.isEmpty)
      #expect(try folder.text("kept") == "kept")
      #expect(try FileManager.default.contentsOfDirectory(atPath: output.path).contains("box.bundle") == false)
    }
  }
}
