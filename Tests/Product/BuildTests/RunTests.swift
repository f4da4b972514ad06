import Foundation
import HostSystem
import TestFixtures
import Testing

@Suite("Kept disks of machines", .enabled(if: Workshop.isReady && Workshop.hasEmulator, Workshop.condition))
struct RunTests {
  @Test("A kept disk of another build runs with a message; a new disk or one of the same build has none")
  func keptDisk() async throws {
    try await Workshop.withProject { folder in
      func said(_ arguments: String...) throws -> String {
        try Workshop.run(["run", "box", "-q", "--for", "1"] + arguments, in: folder).errors
      }
      let words = "cultivar: the kept disk is of another build ("
      let first = try said("--keep")
      let build = try folder.text("build/box/run/build").prefix(12)
      let again = try said("--keep")
      let project = try folder.text("cultivar.yaml")
      try folder.writing(project.replacing("name: test", with: "name: test\nversion: 2.0.0"), to: "cultivar.yaml")

      let other = try said("--keep")
      let fresh = try said()

      #expect(!first.contains("the kept disk"), "\(first)")
      #expect(!again.contains("the kept disk"), "\(again)")
      #expect(other.contains("\(words)\(build)), and the machine runs that build\n"), "\(other)")
      #expect(other.contains("leave out --keep once, or update the machine with --update"), "\(other)")
      #expect(!fresh.contains("the kept disk"), "\(fresh)")
    }
  }
}
