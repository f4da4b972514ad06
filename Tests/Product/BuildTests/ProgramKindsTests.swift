import Foundation
import Hashing
import HostSystem
import TestFixtures
import Testing

@Suite("Programs from all kinds of sources", .enabled(if: Workshop.isReady, Workshop.condition))
struct ProgramKindsTests {
  private func writeGoModule(_ text: String, to folder: URL) throws {
    try folder.writing("module example.org/greet\n\ngo 1.19\n", to: "go.mod")
    try folder.writing("package main\n\nfunc main() { greet() }\n", to: "main.go")
    try folder.writing(
      "package main\n\nimport \"fmt\"\n\nfunc greet() { fmt.Println(\"\(text)\") }\n", to: "text.go")
  }

  @Test(
    "A Go module is built again when its source changes", .enabled(if: Judge.isInstalled("go"), "there is no Go here"))
  func goModule() async throws {
    try await Workshop.withProject(programs: ["go: { module: ./greet }"]) { folder in
      try writeGoModule("one", to: folder.appending(path: "greet"))
      #expect(try Workshop.output(of: "greet", in: folder) == "one\n")
      try writeGoModule("two", to: folder.appending(path: "greet"))
      #expect(try Workshop.output(of: "greet", in: folder) == "two\n")
    }
  }

  @Test(
    "A Cargo package, and one that names another by path",
    .enabled(if: Judge.isInstalled("cargo"), "there is no Cargo here"))
  func cargoPackage() async throws {
    try await Workshop.withProject(programs: ["cargo: { package: ./greet }"]) { folder in
      let package = "[package]\nname = \"greet\"\nversion = \"1.0.0\"\nedition = \"2021\"\n"
      try folder.writing(package + "[dependencies]\nwords = { path = \"../words\" }\n", to: "greet/Cargo.toml")
      try folder.writing("fn main() { println!(\"{}\", words::word()) }\n", to: "greet/src/main.rs")
      try folder.writing(package.replacing("greet", with: "words"), to: "words/Cargo.toml")
      try folder.writing("pub fn word() -> &'static str { \"one\" }\n", to: "words/src/lib.rs")
      #expect(try Workshop.output(of: "greet", in: folder) == "one\n")
      try folder.writing("pub fn word() -> &'static str { \"two\" }\n", to: "words/src/lib.rs")
      #expect(try Workshop.output(of: "greet", in: folder) == "two\n")
    }
  }

  private func writeSwiftPackage(to folder: URL) throws {
    try folder.writing(
      """
      // swift-tools-version: 6.0
      import PackageDescription
      let package = Package(
        name: "greet", products: [.executable(name: "greet", targets: ["greet"])],
        targets: [.target(name: "CPlace"), .executableTarget(name: "greet", dependencies: ["CPlace"])])
      """, to: "Package.swift")
    try folder.writing("const char *place(void);\n", to: "Sources/CPlace/include/place.h")
    try folder.writing(
      "#include \"place.h\"\nconst char *place(void) { return __FILE__; }\n", to: "Sources/CPlace/place.c")
    try folder.writing(
      "import CPlace\n@main struct Greet { static func main() { print(String(cString: place()), #fileID) } }\n",
      to: "Sources/greet/Greet.swift")
  }

  @Test("A Swift package's executable is the same from another folder, and contains no path of this machine")
  func swiftPackage() async throws {
    var hashes: Set<Digest> = []
    for _ in 0..<2 {
      try await Workshop.withProject(programs: ["swift: { package: ./greet, product: greet }"]) { folder in
        try writeSwiftPackage(to: folder.appending(path: "greet"))
        #expect(
          try Workshop.output(of: "greet", in: folder) == "/source/Sources/CPlace/place.c greet/Greet.swift\n")
        hashes.insert(try BuiltImage(folder.appending(path: "build/box")).hash())
      }
    }
    #expect(hashes.count == 1)
  }

  @Test("An unknown Swift product is an error that lists the package's products")
  func noSwiftProduct() async throws {
    try await Workshop.withProject(programs: ["swift: { package: ./greet, product: great }"]) { folder in
      try writeSwiftPackage(to: folder.appending(path: "greet"))
      let said = try Workshop.refusal(folder)
      #expect(
        said == """
          cultivar: error: the package of the program `great` builds no executable `great`
            it builds `greet`

          """)
    }
  }

  @Test(
    "A program of a git repository stays at the commit of the lock file",
    .enabled(if: Judge.isInstalled("go"), "there is no Go here"))
  func gitRepository() async throws {
    try await withTemporaryFolder { repository in
      func git(_ arguments: [String]) throws -> String {
        let identity = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        let verdict = try Judge("git").run(identity + arguments, in: repository)
        try #require(verdict.status == 0, "\(verdict.errors)")
        return verdict.output.trimmingCharacters(in: .newlines)
      }
      try writeGoModule("one", to: repository.appending(path: "deep/greet"))
      _ = try git(["init", "-q", "-b", "main"])
      _ = try git(["add", "."])
      _ = try git(["commit", "-q", "-m", "one"])
      let first = try git(["rev-parse", "HEAD"])

      let source = "go: { git: \"file://\(repository.path)\", branch: main, folder: deep/greet }\nname: greet"
      try await Workshop.withProject(programs: [source]) { folder in
        #expect(try Workshop.output(of: "greet", in: folder) == "one\n")
        #expect(try folder.text("cultivar.lock").contains(first))

        try writeGoModule("two", to: repository.appending(path: "deep/greet"))
        _ = try git(["commit", "-q", "-a", "-m", "two"])
        #expect(try Workshop.output(of: "greet", in: folder) == "one\n")
      }
    }
  }

  @Test("A script runs if the image has its interpreter, and is refused otherwise")
  func script() async throws {
    try await Workshop.withProject { folder in
      try folder.writing("#!/bin/sh\necho hello\n", to: "hello", mode: 0o755)
      let said = try Workshop.refusal(folder)
      #expect(said.contains("/hello is a script for /bin/sh, which is not in the image\n"), "\(said)")
    }
  }

  @Test(
    "A program that does not compile is an error with the compiler's message",
    .enabled(if: Judge.isInstalled("go"), "there is no Go here"))
  func doesNotCompile() async throws {
    try await Workshop.withProject(programs: ["go: { module: ./greet }"]) { folder in
      try writeGoModule("one", to: folder.appending(path: "greet"))
      try folder.writing("package main\n\nfunc more() { undefined() }\n", to: "greet/more.go")
      let said = try Workshop.refusal(folder)
      #expect(said.hasPrefix("cultivar: error: cannot build the program `greet`: go ended with exited(2)\n"), "\(said)")
      #expect(said.contains("more.go:3:15: undefined: undefined"), "\(said)")
    }
  }

  @Test("A Debian program whose executable is a link into another package includes that package")
  func linked() async throws {
    try await Workshop.withProject(
      programs: ["debian: { packages: [redis-server], executable: /usr/bin/redis-server }"]
    ) { folder in
      let root = try Workshop.build(folder).unpackedRoot(folder)

      let program = root.appending(path: "usr/bin/redis-server").resolvingSymlinksInPath()
      #expect(program.lastPathComponent == "redis-check-rdb")
      #expect(FileManager.default.isExecutableFile(atPath: program.path))
    }
  }

  @Test("An executable that is missing in the packages is reported before compilation")
  func lacking() async throws {
    try await Workshop.withProject(
      programs: [
        "debian: { packages: [curl], executable: /usr/bin/curly }", "executable: ./hello\nname: other",
      ]
    ) { folder in
      let said = try Workshop.refusal(folder)
      #expect(said.contains("have no executable /usr/bin/curly"), "\(said)")
    }
  }
}
