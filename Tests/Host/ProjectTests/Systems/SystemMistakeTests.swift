import Foundation
import Testing

@testable import Project

@Suite("Mistakes in systems and layers")
struct SystemMistakeTests {
  @Test("Each mistake is reported once, in its file and at its position, with a remedy", arguments: SystemMistake.all)
  func oneMistake(mistake: SystemMistake) throws {
    let problems = try #require(throws: ProjectProblems.self) { try mistake.sample.read() }

    let errors = problems.diagnostics.filter { $0.severity == .error }
    let error = try #require(errors.first)
    #expect(errors.count == 1, "\(errors.map(\.message))")
    #expect(error.message == mistake.message)
    if let hint = mistake.hint { #expect(error.hint == hint) }
    #expect(error.hint != nil || mistake.message.hasPrefix("expected"))
    if let place = mistake.place {
      #expect(error.position.file.path.hasSuffix("/\(place.path)"))
      #expect((error.position.line, error.position.column) == (place.line, place.column))
    }
    // The whole line is shown, unless it contains a secret.
    let text = mistake.place.flatMap { mistake.sample.texts[$0.path] } ?? ""
    if !error.sourceLine.isEmpty, mistake.place != nil {
      #expect(text.replacing("«", with: "").contains(error.sourceLine))
    }
  }

  @Test("There are more than sixty kinds of mistakes")
  func count() {
    #expect(SystemMistake.all.count > 60)
  }

  @Test("All mistakes are reported at once, by file")
  func several() throws {
    var sample = SystemSample(image: "layers: [base, two]\nvariables: { base.port: 70000 }")
    sample.layers = [
      "base": "variables: { port: { type: integer, maximum: 65535, description: Port } }\npackages: [Nano]\nunts: {}",
      "two": "units: { enable: [ssh] }",
    ]

    let problems = try #require(throws: ProjectProblems.self) { try sample.read() }

    #expect(
      problems.diagnostics.map(\.message) == [
        "'Nano' is not a package", "unknown key 'unts' in layer", "'ssh' is not a systemd unit",
      ])
    #expect(problems.diagnostics.map { $0.position.file.pathComponents.suffix(2).first } == ["base", "base", "two"])
  }
}
