import Foundation
import TestFixtures
import Testing

@testable import Project

@Suite("Making a project")
struct ProjectCreationTests {
  @Test("A new system is a project without problems, and its layers are found")
  func system() throws {
    try withTemporaryFolder { folder in
      let target = folder.appending(path: "gateway")
      try ProjectCreation.create(.system, at: target)

      let result = try ProjectReader().read(target.appending(path: "cultivar.yaml"))
      let image = try #require(result.project.images.first)
      let system = try SystemReader(library: LayerLibrary(builtIn: Checkout.layers)).read(
        image, of: result.project, set: [:], environment: [:], needsSecrets: true)

      #expect(result.warnings.isEmpty)
      #expect(system.warnings.isEmpty)
      #expect(system.system.layers.map(\.name).contains("site"))
    }
  }

  @Test("A new project has no problems")
  func readsClean() throws {
    try withTemporaryFolder { folder in
      let target = folder.appending(path: "My_Roof")

      try ProjectCreation.create(.appliance, at: target)

      let result = try ProjectReader().read(target.appending(path: "cultivar.yaml"))
      #expect(result.project.name == "my-roof")
      #expect(result.project.images.map(\.programs.count) == [1])
      #expect(result.warnings == [])
      let names = try contents(of: folder)
      #expect(names == ["My_Roof"])
    }
  }

  @Test("The schema that the new file names exists")
  func schema() throws {
    try withTemporaryFolder { folder in
      let target = folder.appending(path: "roof")

      try ProjectCreation.create(.appliance, at: target)

      let text = try String(contentsOf: target.appending(path: "cultivar.yaml"), encoding: .utf8)
      let named = try #require(text.firstMatch(of: /\$schema=(.+)/)).output.1
      let schema = try String(contentsOf: target.appending(path: String(named)), encoding: .utf8)
      #expect(schema == JSONSchema.project.formatted + "\n")
    }
  }

  @Test("An empty folder is used, and a non-empty one is refused")
  func folderInUse() throws {
    try withTemporaryFolder { folder in
      let target = folder.appending(path: "roof")
      try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
      try ProjectCreation.create(.appliance, at: target)

      let failure = #expect(throws: ProjectFailure.self) { try ProjectCreation.create(.appliance, at: target) }

      #expect(failure?.remedy == "choose a folder that is empty or does not exist")
      let names = try contents(of: folder)
      #expect(names == ["roof"])
    }
  }

  @Test("A folder whose name is not a valid project name is refused")
  func name() throws {
    try withTemporaryFolder { folder in
      #expect(throws: ProjectFailure.self) {
        try ProjectCreation.create(.appliance, at: folder.appending(path: "9 lives"))
      }

      let names = try contents(of: folder)
      #expect(names == [])
    }
  }
}
