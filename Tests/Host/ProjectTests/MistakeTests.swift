import Foundation
import TestFixtures
import Testing

@testable import Project

@Suite("Mistakes in a project file")
struct MistakeTests {
  @Test("Each mistake is reported once, at its position, with a remedy", arguments: Mistake.all)
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

  @Test("All mistakes of a file are reported, in the order of their positions")
  func severalMistakes() throws {
    let text = Sample.project(
      image: """
        management: { port: 70000, tokenHash: at-flash }
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
          did you mean 'programs'? (keys of image: formats, hostname, timezone, programs, files, kernel, loader, network, wifi, clock, management, splash, console, update)
        """)
  }

  @Test("Columns count characters, and a tab before the position stays a tab under the line")
  func columns() throws {
    let text = "cultivar: 1\nname: roof\nimages: { \"größe🇩🇪\":\t{} }"

    let problems = try #require(throws: ProjectProblems.self) { try Sample.reader.read(text, as: Sample.file) }

    let columns = problems.diagnostics.map(\.position.column)
    #expect(columns == [11, 21, 21, 21])
    let rendered = try #require(problems.diagnostics.last).rendered(relativeTo: URL(fileURLWithPath: "/elsewhere"))
    #expect(rendered.hasPrefix("/project/cultivar.yaml:3:21: error: image 'größe🇩🇪' has no 'programs'\n"))
    #expect(rendered.contains("\n  images: { \"größe🇩🇪\":\t{} }\n  \(String(repeating: " ", count: 19))\t^\n"))
  }

  @Test("A long line is shown around the column, and control characters are not sent to the terminal")
  func longLine() throws {
    let position = SourcePosition(file: Sample.file, line: 1, column: 201)
    let line = String(repeating: "a", count: 200) + "\u{1B}" + String(repeating: "b", count: 200)
    let diagnostic = Diagnostic(
      severity: .error, message: "a\u{1B}[31m", position: position, sourceLine: line, hint: nil)

    let rendered = diagnostic.rendered(relativeTo: URL(fileURLWithPath: "/project"))

    #expect(
      rendered == """
        cultivar.yaml:1:201: error: a\u{FFFD}[31m
          …\(String(repeating: "a", count: 80))\u{FFFD}\(String(repeating: "b", count: 79))…
          \(String(repeating: " ", count: 81))^
        """)
  }

  @Test("A damaged file is read without a crash, and every problem is inside the file")
  func damaged() throws {
    var random = SeededGenerator(seed: 20)
    let scalars = Array(Sample.complete.unicodeScalars)
    for _ in 0..<150 {
      var damaged = scalars
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let index = damaged.indices.randomElement(using: &random) ?? 0
        let other: [Unicode.Scalar] = [
          "{", "]", ":", "-", "\n", "\t", "\"", "&", "*", "ä", "\u{0}", "#", " ", "|", "0",
        ]
        switch Int.random(in: 0...2, using: &random) {
        case 0: damaged.remove(at: index)
        case 1: damaged.insert(other.randomElement(using: &random) ?? " ", at: index)
        default: damaged.swapAt(index, damaged.indices.randomElement(using: &random) ?? 0)
        }
      }
      let text = String(String.UnicodeScalarView(damaged))
      let lines = SourceText(file: Sample.file, text: text).lines
      do throws(ProjectProblems) {
        _ = try Sample.reader.read(text, as: Sample.file)
      } catch {
        #expect(error.errorCount > 0)
        for position in error.diagnostics.map(\.position) {
          #expect((1...lines.count).contains(position.line))
          #expect((1...lines[position.line - 1].count + 1).contains(position.column), "\(text)")
        }
      }
    }
  }

  @Test("A mistake in a value that an alias repeats is reported once")
  func alias() throws {
    let text = Sample.project(
      programs: """
        - { executable: ./tool, name: a, limits: &limits { cpu: 0% } }
        - { executable: ./tool, name: b, limits: *limits }
        """)

    let problems = try #require(throws: ProjectProblems.self) { try Sample.reader.read(text, as: Sample.file) }

    #expect(problems.diagnostics.map(\.message) == ["'0%' is not a percentage like 50%"])
  }

  @Test("Aliases in a small file cannot make a large tree")
  func aliasBomb() throws {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...8 {
      text += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))]\n"
    }

    let problems = try #require(throws: ProjectProblems.self) { try Sample.reader.read(text, as: Sample.file) }

    #expect(
      problems.diagnostics.contains {
        $0.message == "the file is too large: it has more than 100000 values or 64 levels"
      })
  }

  @Test(
    "Aliases in keys and endless nesting are refused at once, without exhausting the stack or the time",
    .timeLimit(.minutes(10)),
    arguments: [
      ("a8: { ? *a7 : x, ? [*a7] : y }\n", "a key must be a name"), ("? { b: c }\n: x\n", "a key must be a name"),
      ("*none : x\n", "no value has this anchor"),
      (String(repeating: "[", count: 100_000), "the file is too large: it has more than 64 levels"),
      (String(repeating: "- ", count: 5000) + "x\n", "the file is too large: it has more than 64 levels"),
    ])
  func hostileForm(end: String, message: String) throws {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...30 {
      text +=
        "a\(level): &a\(level) { b: [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))] }\n"
    }

    let problems = try #require(throws: ProjectProblems.self) { try Sample.reader.read(text + end, as: Sample.file) }
    let alone = try #require(throws: ProjectProblems.self) { try Sample.reader.read(end, as: Sample.file) }

    #expect(problems.diagnostics.map(\.message).contains { $0 == message || end.hasPrefix("[") || end.hasPrefix("-") })
    #expect(alone.errorCount == 1)
  }

  @Test(
    "A password or token in a git URL is refused, and appears in no message",
    arguments: [
      "https://user:s3cret@git.example.org/a.git", "https://s3cret@git.example.org/a.git",
      "ssh://git:s3cret@git.example.org/a.git",
    ])
  func credentials(url: String) throws {
    let text = Sample.project(programs: "- swift: { git: \"\(url)\", tag: v1, product: a }")

    let problems = try #require(throws: ProjectProblems.self) { try Sample.reader.read(text, as: Sample.file) }

    #expect(problems.diagnostics.count == 1)
    let said = problems.diagnostics.map { $0.rendered(relativeTo: Sample.file) }.joined()
    #expect(said.contains("the URL contains a password or token"))
    #expect(!said.contains("s3cret"))
  }

  @Test(
    "A name that git would take for an option, or that leads out of a folder, is refused",
    arguments: [
      "swift: { git: \"-u@git.example.org:x\", tag: v1, product: a }",
      "swift: { git: \"ssh://-oProxyCommand\", tag: v1, product: a }",
      "swift: { package: ./station, product: .. }", "swift: { package: ./station, product: --version }",
      "go: { install: -x.example.org/a, version: v1.2.3 }", "go: { install: example.org/.., version: v1.2.3 }",
    ])
  func options(source: String) throws {
    let text = Sample.project(programs: "- \(source)")

    let problems = try #require(throws: ProjectProblems.self) { try Sample.reader.read(text, as: Sample.file) }

    #expect(problems.diagnostics.contains { $0.message.contains("is not") }, "\(problems.diagnostics.map(\.message))")
  }

  @Test("A file that is not UTF-8 is refused at the first invalid byte")
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

  @Test("A valid but probably unintended setting is a warning")
  func warning() throws {
    let text = Sample.project(image: "network: none\nclock: { servers: [pool.ntp.org] }")

    let result = try Sample.reader.read(text, as: Sample.file)

    #expect(result.warnings.map(\.message) == ["the clock is never set: image 'station' has no network"])
    #expect(result.warnings.map(\.severity) == [.warning])
    #expect(result.project.images.first?.timeServers == [])

    let bundled = try Sample.reader.read(Sample.project(image: "formats: [bundle]"), as: Sample.file)

    #expect(
      bundled.warnings.map(\.message) == ["no device can install the bundle: image 'station' takes no updates"])
  }
}
