import Foundation
import Testing

@Suite("The command line")
struct CommandLineTests {
  @Test("A new project has no problems, also when checked from a subfolder")
  func newAndCheck() throws {
    try withTemporaryFolder { folder in
      let made = try Cultivar.run(["new", "roof"], in: folder)
      let checked = try Cultivar.run(["check"], in: folder.appending(path: "roof/hello/Sources"))

      #expect(made.status == 0)
      #expect(checked == Cultivar.Outcome(status: 0, output: "cultivar.yaml: 1 image, 1 program, no problems\n"))
    }
  }

  @Test("A difference needs two builds: a folder without a build is named")
  func diff() throws {
    try withTemporaryFolder { folder in
      let asked = try Cultivar.run(["diff", "./nowhere", "./elsewhere"], in: folder)
      #expect(asked.status == 1 && asked.output.isEmpty)
      #expect(asked.errors.contains("nowhere") && asked.errors.contains("manifest.json"), "\(asked.errors)")
    }
  }

  @Test("Problems go to standard error, with exit status 1")
  func problems() throws {
    try withTemporaryFolder { folder in
      try Data("cultivar: 1\nname: Roof\nimages: {}\n".utf8).write(to: folder.appending(path: "cultivar.yaml"))

      let checked = try Cultivar.run(["check"], in: folder)

      let errors = """
        cultivar.yaml:2:7: error: 'Roof' is not a name
          name: Roof
                ^
          use lower-case letters, digits and hyphens, and begin with a letter
        cultivar.yaml:3:9: error: the mapping is empty
          images: {}
                  ^
          give at least one entry

        """
      #expect(checked == Cultivar.Outcome(status: 1, output: "", errors: errors))
    }
  }

  @Test("With --json the result is JSON on standard output, with the same exit status")
  func json() throws {
    struct Result: Decodable {
      struct Problem: Decodable {
        var severity: String
        var message: String
        var line: Int
        var column: Int
        var hint: String?
      }
      var valid: Bool
      var problems: [Problem]
    }
    try withTemporaryFolder { folder in
      try Data("cultivar: 1\nname: roof\n".utf8).write(to: folder.appending(path: "cultivar.yaml"))

      let checked = try Cultivar.run(["check", "--json"], in: folder)

      let result = try JSONDecoder().decode(Result.self, from: Data(checked.output.utf8))
      #expect(checked.status == 1)
      #expect(!result.valid)
      #expect(result.problems.map(\.message) == ["project 'roof' has no 'images'"])
      #expect(result.problems.map(\.line) == [1])
    }
  }

  @Test("Without a project, the error says how to make one")
  func noProject() throws {
    try withTemporaryFolder { folder in
      let checked = try Cultivar.run(["check", "--project", "nowhere"], in: folder)

      let errors = """
        cultivar: error: there is no file or folder nowhere
          name the folder or file of a project with --project

        """
      #expect(checked == Cultivar.Outcome(status: 1, output: "", errors: errors))
    }
  }

  @Test("A program is added completely or not at all")
  func add() throws {
    try withTemporaryFolder { folder in
      _ = try Cultivar.run(["new", "roof"], in: folder)
      let project = folder.appending(path: "roof")

      let added = try Cultivar.run(["add", "debian:busybox-static%/bin/busybox"], in: project)
      let refused = try Cultivar.run(["add", "crate:busybox@1.0.0"], in: project)

      #expect(
        added == Cultivar.Outcome(status: 0, output: "added the program 'busybox' to the image 'roof', line 16\n"))
      #expect(refused.status == 1)
      #expect(refused.errors.contains("two programs are called 'busybox' in image 'roof'"))
      #expect(refused.errors.hasSuffix("nothing was added: cultivar.yaml would then have the problems above\n"))
    }
  }

  @Test("The schema is written to a folder or to standard output")
  func schema() throws {
    try withTemporaryFolder { folder in
      let shown = try Cultivar.run(["schema"], in: folder)
      let written = try Cultivar.run(["schema", "project", "--output", "schemas"], in: folder)

      let file = folder.appending(path: "schemas/cultivar.schema.json")
      let text = try String(contentsOf: file, encoding: .utf8)
      #expect(shown.output == text)
      #expect(written.output == file.path + "\n")
    }
  }

  @Test("A system is checked, its layers are listed, shown and drawn, and its parts are explained")
  func layers() throws {
    try withTemporaryFolder { folder in
      let layers = folder.appending(path: "layers/web")
      try FileManager.default.createDirectory(at: layers, withIntermediateDirectories: true)
      try Data(
        """
        cultivar: 1
        description: A web server
        variables: { port: { type: integer, description: Port, default: 80 } }
        packages: [nginx]
        """.utf8
      ).write(to: layers.appending(path: "layer.yaml"))
      try Data(
        """
        cultivar: 1
        name: house
        images: { gateway: { device: generic-x86_64, layout: appliance-ab, layers: [web] } }
        """.utf8
      ).write(to: folder.appending(path: "cultivar.yaml"))

      let checked = try Cultivar.run(["check"], in: folder)
      let listed = try Cultivar.run(["layer", "list"], in: folder)
      let shown = try Cultivar.run(["layer", "show", "web", "--json"], in: folder)
      let drawn = try Cultivar.run(["layer", "graph", "--format", "dot"], in: folder)
      let explained = try Cultivar.run(["explain", "web.port", "--set", "web.port=8080"], in: folder)
      let unknown = try Cultivar.run(["explain", "ngnix"], in: folder)

      #expect(checked.output == "cultivar.yaml: 1 image, 1 layer, no problems\n")
      #expect(listed.output.contains("web"))
      #expect(shown.output.contains(#""packages": ["nginx"]"#))
      #expect(drawn.output.hasPrefix("digraph \"gateway\" {"))
      #expect(
        explained.output == """
          gateway
            * variable web.port = 8080: --set on the command line
              variable web.port = 80: default of the layer  layers/web/layer.yaml:3:65

          """)
      #expect((unknown.status, unknown.errors.contains("did you mean 'nginx'?")) == (1, true))
    }
  }

  @Test(
    "Version and completions",
    arguments: [(["--version"], "0."), (["--generate-completion-script", "bash"], "_cultivar")])
  func information(arguments: [String], part: String) throws {
    try withTemporaryFolder { folder in
      let outcome = try Cultivar.run(arguments, in: folder)

      #expect(outcome.status == 0)
      #expect(outcome.output.contains(part))
    }
  }

  @Test("An image is written only to disks, and a size report needs a build")
  func flashAndSize() throws {
    try withTemporaryFolder { folder in
      _ = try Cultivar.run(["new", "roof"], in: folder)
      try Data("x".utf8).write(to: folder.appending(path: "file.img"))
      let project = folder.appending(path: "roof")

      let flashed = try Cultivar.run(["flash", "--yes", "./file.img", "./nowhere"], in: folder)
      let sized = try Cultivar.run(["size"], in: project)

      #expect(flashed.status == 1 && flashed.errors.contains("./nowhere is not a disk"))
      #expect(sized.status == 1 && sized.errors.contains("has not been built\n  build it with `cultivar build"))
      #expect(try Cultivar.run(["flash", "--json"], in: folder).status == 0)
    }
  }
}
