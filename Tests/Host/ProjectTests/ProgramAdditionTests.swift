import Foundation
import Testing

@testable import Project

@Suite("Adding a program to a project file")
struct ProgramAdditionTests {
  private static let original = """
    # The roof.
    cultivar: 1
    name: roof   # short
    images:
      station:
        device: generic-x86_64
        layout: appliance-ab
        programs:
          # First of all.
          - executable: ./tool
            env: { A: "#1" }
            # it likes this

        # Below the programs.
        console: { commands: true }
      other: { device: generic-x86_64, layout: appliance-ab, programs: [{ executable: ./tool }] }

    """

  /// Makes a project with a few packages in a temporary folder.
  private func withProject(_ text: String = original, _ work: (URL) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let files = [
        "cultivar.yaml": text, "tool": "", "prebuilt/new": "", "ticker/go.mod": "module example.org/ticker\n",
        "web/Package.swift": #"let package = Package(name: "x", targets: [.executableTarget(name: "web")])"#,
        "crate/Cargo.toml": "[package]\n",
      ]
      for (path, content) in files {
        try WholeFile.write(content, to: folder.appending(path: path))
      }
      try work(folder.appending(path: "cultivar.yaml"))
    }
  }

  private func add(
    _ source: String, language: PackageLanguage? = nil, reference: GitReference? = nil, name: String? = nil,
    image: String? = "station", to file: URL
  ) throws -> ProgramAddition.Added {
    let request = ProgramSourceRequest(
      text: source, language: language, reference: reference, currentFolder: file.deletingLastPathComponent())
    return try ProgramAddition(file: file).add(request, name: name, to: image)
  }

  @Test("The item follows the last one, and every other line stays unchanged")
  func layoutIsKept() throws {
    try withProject { file in
      let added = try add("./ticker", to: file)

      #expect(added.program.name == "ticker")
      let expected = Self.original.replacing(
        "        # it likes this\n", with: "        # it likes this\n      - go: { module: ./ticker }\n")
      #expect(try String(contentsOf: file, encoding: .utf8) == expected)
    }
  }

  @Test("Line breaks are kept, and so is a missing one at the end")
  func lineBreaks() throws {
    let text = Sample.project().trimmingCharacters(in: .newlines).replacing("\n", with: "\r\n")
    try withProject(text) { file in
      _ = try add("crate:ripgrep@14.1.0%rg", name: "search", image: nil, to: file)

      let item = "\r\n      - cargo: { crate: ripgrep, version: 14.1.0, binary: rg }\r\n        name: search\r\n"
      #expect(try String(contentsOf: file, encoding: .utf8) == text + item)
    }
  }

  @Test(
    "Each short form becomes its keys",
    arguments: [
      ("./web", "swift: { package: ./web, product: web }"),
      ("web%other", "swift: { package: ./web, product: other }"),
      ("./crate%b", "cargo: { package: ./crate, binary: b }"),
      ("./ticker%./cmd/t", "go: { module: ./ticker, package: ./cmd/t }"),
      ("crate:ripgrep@14.1.0", "cargo: { crate: ripgrep, version: 14.1.0 }"),
      ("go:example.org/x/cmd/y@v1.2.3", "go: { install: example.org/x/cmd/y, version: v1.2.3 }"),
      ("debian:busybox-static%/bin/busybox", "debian: { packages: [busybox-static], executable: /bin/busybox }"),
      ("debian:curl", "debian: { packages: [curl], executable: /usr/bin/curl }"),
      ("prebuilt/new", "executable: ./prebuilt/new"),
    ])
  func shortForms(source: String, keys: String) throws {
    try withProject { file in
      _ = try add(source, name: "new", to: file)

      let text = try String(contentsOf: file, encoding: .utf8)
      #expect(text.contains("      - \(keys)\n        name: new\n"))
    }
  }

  @Test("A git repository needs a language and a reference")
  func gitRepository() throws {
    try withProject { file in
      let url = "https://git.example.org/roof.git"
      #expect(throws: ProjectFailure.self) { try add("\(url)%roof", reference: .tag("1.0"), to: file) }
      #expect(throws: ProjectFailure.self) { try add("\(url)%roof", language: .swift, to: file) }
      #expect(throws: ProjectFailure.self) { try add(url, language: .swift, reference: .tag("1.0"), to: file) }

      let added = try add("\(url)%roof", language: .swift, reference: .tag("1.0"), to: file)

      #expect(added.program.source == .swift(.git(url: url, reference: .tag("1.0"), folder: ""), product: "roof"))
    }
  }

  @Test(
    "A failed addition leaves the file unchanged",
    arguments: [
      ("./nowhere", "station"), ("./tool", "station"), ("./crate", "stat"), ("./crate", nil), ("./crate", "other"),
      ("debian:No_Package", "station"), ("go:example.org/x", "station"),
    ])
  func refusals(source: String, image: String?) throws {
    try withProject { file in
      #expect(throws: (any Error).self) { try add(source, image: image, to: file) }

      #expect(try String(contentsOf: file, encoding: .utf8) == Self.original)
      let names = try contents(of: file.deletingLastPathComponent())
      #expect(names == ["crate", "cultivar.yaml", "prebuilt", "ticker", "tool", "web"])
    }
  }

  @Test("A program that the image already has is refused, also under another name")
  func duplicate() throws {
    try withProject { file in
      _ = try add("./crate", to: file)

      let failure = #expect(throws: ProjectFailure.self) { try add("./crate", name: "again", to: file) }

      #expect(failure?.problem == "image 'station' already has this program: 'crate'")
    }
  }
}
