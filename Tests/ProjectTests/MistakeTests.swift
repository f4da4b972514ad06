import Foundation
import Testing

@testable import Project

@Suite("Mistakes in a project file")
struct MistakeTests {
  @Test("Each mistake is reported once, at its place, with what to do", arguments: Mistake.all)
  func oneMistake(mistake: Mistake) throws {
    let problems = try #require(throws: ProjectProblems.self) {
      try Sample.reader.read(mistake.text, as: Sample.file)
    }

    let diagnostic = try #require(problems.diagnostics.first)
    #expect(problems.diagnostics.count == 1, "\(problems.diagnostics.map(\.message))")
    #expect(diagnostic.message == mistake.message)
    #expect(diagnostic.hint == mistake.hint)
    #expect(diagnostic.position.line == mistake.place.line)
    #expect(diagnostic.position.column == mistake.place.column)
    #expect(diagnostic.severity == .error)
  }

  @Test("All mistakes of a file are reported, by position")
  func severalMistakes() throws {
    let text = Sample.project(
      image: """
        management: { port: 70000 }
        timzone: UTC
        """, programs: "- executable: ./tol")

    let problems = try #require(throws: ProjectProblems.self) { try Sample.reader.read(text, as: Sample.file) }

    #expect(
      problems.diagnostics.map(\.message) == [
        "there is no file or folder './tol'", "70000 is out of range", "unknown key 'timzone' in image 'station'",
      ])
  }

  @Test("A problem is shown with its line, a caret and the nearest name")
  func rendering() throws {
    let text = Sample.project(image: "progams: []")

    let problems = try #require(throws: ProjectProblems.self) {
      try Sample.reader.read(text.replacing("programs:\n      - executable: ./tool\n    ", with: ""), as: Sample.file)
    }

    let rendered = problems.diagnostics.map { $0.rendered(relativeTo: URL(fileURLWithPath: "/project")) }
    #expect(
      rendered.last == """
        cultivar.yaml:7:5: error: unknown key 'progams' in image 'station'
              progams: []
              ^
          did you mean 'programs'? (keys of image: hostname, timezone, programs, files, kernel, network, clock, management, console)
        """)
  }

  @Test("Columns count characters, and a tab before the place stays a tab under the line")
  func columns() throws {
    let text = "cultivar: 1\nname: roof\nimages: { \"größe🇩🇪\":\t{} }"

    let problems = try #require(throws: ProjectProblems.self) { try Sample.reader.read(text, as: Sample.file) }

    let columns = problems.diagnostics.map(\.position.column)
    #expect(columns == [11, 21, 21, 21])
    let rendered = try #require(problems.diagnostics.last).rendered(relativeTo: URL(fileURLWithPath: "/elsewhere"))
    #expect(rendered.hasPrefix("/project/cultivar.yaml:3:21: error: image 'größe🇩🇪' has no 'programs'\n"))
    #expect(rendered.contains("\n  images: { \"größe🇩🇪\":\t{} }\n  \(String(repeating: " ", count: 19))\t^\n"))
  }

  @Test("A mistake in what an alias repeats is reported once")
  func alias() throws {
    let text = Sample.project(
      programs: """
        - { executable: ./tool, name: a, limits: &limits { cpu: 0% } }
        - { executable: ./tool, name: b, limits: *limits }
        """)

    let problems = try #require(throws: ProjectProblems.self) { try Sample.reader.read(text, as: Sample.file) }

    #expect(problems.diagnostics.map(\.message) == ["'0%' is not a percentage like 50%"])
  }

  @Test("A small file cannot become a large tree by aliases")
  func aliasBomb() throws {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...8 {
      text += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))]\n"
    }

    let problems = try #require(throws: ProjectProblems.self) { try Sample.reader.read(text, as: Sample.file) }

    #expect(
      problems.diagnostics.contains { $0.message == "the file holds too much: more than 100000 values or 64 levels" })
  }

  @Test("A file that is no text is refused where the text ends")
  func notUTF8() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "cultivar.yaml")
      try Data([0x61, 0x3A, 0x0A, 0x62, 0xFF, 0x0A]).write(to: file)

      let problems = try #require(throws: ProjectProblems.self) { try ProjectReader().read(file) }

      let diagnostic = try #require(problems.diagnostics.first)
      #expect(diagnostic.message == "the file is not UTF-8 text here")
      #expect((diagnostic.position.line, diagnostic.position.column) == (2, 2))
    }
  }

  @Test("What is allowed but hardly meant is a warning")
  func warning() throws {
    let text = Sample.project(image: "network: none\nclock: { servers: [pool.ntp.org] }")

    let result = try Sample.reader.read(text, as: Sample.file)

    #expect(result.warnings.map(\.message) == ["the clock is never set: image 'station' has no network"])
    #expect(result.warnings.map(\.severity) == [.warning])
    #expect(result.project.images.first?.timeServers == [])
  }
}
