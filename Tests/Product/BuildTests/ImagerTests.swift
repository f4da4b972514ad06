import Foundation
import Hashing
import HostSystem
import PublishedDescriptions
import TestFixtures
import Testing

@Suite("Descriptions for Raspberry Pi Imager", .enabled(if: Workshop.isReady, Workshop.condition))
struct ImagerTests {
  private func catalogue(_ file: URL) throws -> ImagerCatalogue {
    try JSONDecoder().decode(ImagerCatalogue.self, from: Data(contentsOf: file))
  }

  @Test("The catalogue has the sizes and hashes of the last build, and the local manifest its file")
  func catalogue() async throws {
    try await Workshop.withProject(image: "formats: [zstd, xz]") { folder in
      let image = try Workshop.build(folder)
      let words = ["--device-tag", "pi4-64bit", "--init-format", "none", "--url", "https://example.org/images"]

      let verdict = try Workshop.run(["imager-json"] + words, in: folder)

      #expect(verdict.status == 0, "\(verdict.errors)")
      let published = try #require(try catalogue(folder.appending(path: "build/os_list.json")).entries.first)
      #expect(published.url == "https://example.org/images/box.img.xz")
      #expect(published.extractHash == (try Digest(ofFile: image.file.path)).text)
      #expect(published.downloadHash == (try Digest(ofFile: image.file.path + ".xz")).text)
      #expect(published.extractSize == (try FolderTree.fileSize(image.file.path)))
      #expect(published.devices == ["pi4-64bit"] && published.initFormat == .none)
      let local = try #require(
        try catalogue(image.folder.appending(path: "box.rpi-imager-manifest")).entries.first)
      #expect(local.url == URL(fileURLWithPath: image.file.path + ".xz").absoluteString)
      #expect(local.extractHash == published.extractHash)
    }
  }

  @Test("An image that Imager cannot write or customise is refused with the remedy")
  func refusals() async throws {
    try await Workshop.withProject { folder in
      let early = try Workshop.run(["imager-json"], in: folder)
      #expect(early.status == 1 && early.errors.contains("has not been built"), "\(early.errors)")
      let image = try Workshop.build(folder)
      let noDevice = try Workshop.run(["imager-json"], in: folder)
      #expect(noDevice.status == 1 && noDevice.errors.contains("--device-tag"), "\(noDevice.errors)")
      // The first partition of an image for PCs is GRUB's.
      let noFAT = try Workshop.run(["imager-json", "--device-tag", "pi4-64bit"], in: folder)
      #expect(noFAT.status == 1 && noFAT.errors.contains("--init-format none"), "\(noFAT.errors)")
      try Data("longer".utf8).write(to: image.file)
      let changed = try Workshop.run(
        ["imager-json", "--device-tag", "pi4-64bit", "--init-format", "none"], in: folder)
      #expect(changed.status == 1 && changed.errors.contains("was changed after the build"), "\(changed.errors)")
      let noURL = try Workshop.run(["imager-json", "--url", "example.org"], in: folder)
      #expect(noURL.status == 64 && noURL.errors.contains("https://"), "\(noURL.errors)")
      let idp = try Workshop.run(["build", "--format", "idp"], in: folder)
      #expect(idp.status == 1 && idp.errors.contains("Raspberry Pi's provisioner has no device"), "\(idp.errors)")
    }
  }
}
