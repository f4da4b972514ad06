import Foundation
import HostSystem
import TestFixtures
import Testing

@testable import ImageBuild

@Suite("What stands in the folder of an image's artefacts")
struct ArtefactFolderTests {
  @Test("Records that name files elsewhere have none of them removed")
  func records() async throws {
    try await withTemporaryFolder { folder in
      let kept = try folder.writing("kept", to: "kept")
      let output = folder.appending(path: "build/box")
      let hash = ContentHash(of: [1]).text
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
