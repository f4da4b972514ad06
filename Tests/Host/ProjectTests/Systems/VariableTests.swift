import Foundation
import Testing

@testable import Project

@Suite("Variables")
struct VariableTests {
  @Test(
    "Each type accepts its values as they are written",
    arguments: [
      ("type: string", "abc", "abc"), ("type: integer", "-5", "-5"), ("type: boolean", "true", "true"),
      ("type: enumeration, values: [quiet, \"on\"]", "\"on\"", "on"), ("type: list", "[a, \"b c\"]", "a\nb c"),
      ("type: size, maximum: 1G", "64M", "64M"), ("type: duration, minimum: 1s", "10s", "10s"),
      ("type: path", "/srv/a", "/srv/a"), ("type: string, pattern: \"[a-z]+\"", "abc", "abc"),
      ("type: string", "!file value.txt", "from a file"), ("type: list", "!file list.txt", "one\ntwo"),
      ("type: integer", "!env NUMBER", "7"),
    ])
  func types(declaration: String, value: String, text: String) throws {
    var sample = SystemSample(
      image: "layers: [base]\nvariables: { base.a: \(value) }",
      layers: ["base": "variables: { a: { description: A, \(declaration) } }"])
    sample.files = ["value.txt": "from a file\n", "list.txt": "# comment\none\n\n two \n"]

    let variables = try sample.read(environment: ["NUMBER": "7"]).system.variables

    #expect(variables.map(\.name) == ["base.a"])
    #expect(variables.map(\.value) == [text])
  }

  @Test("Precedence: --set, image, project, profile, the layer's default")
  func precedence() throws {
    func value(_ levels: Set<String>) throws -> (String, ValueSource)? {
      func at(_ level: String) -> String { levels.contains(level) ? "{ base.a: \(level) }" : "{}" }
      let sample = SystemSample(
        project: "variables: \(at("project"))\nprofiles: { edge: { layers: [base], variables: \(at("profile")) } }",
        image: "profile: edge\nvariables: \(at("image"))",
        layers: ["base": "variables: { a: { description: A, default: default } }"])
      let variable = try sample.read(set: levels.contains("set") ? ["base.a": "set"] : [:]).system.variables.first
      return variable.map { ($0.value, $0.source) }
    }

    #expect(try value([])?.0 == "default")
    #expect(try value(["profile"])?.0 == "profile")
    #expect(try value(["profile", "project"])?.0 == "project")
    #expect(try value(["profile", "project", "image"])?.0 == "image")
    let all = try value(["profile", "project", "image", "set"])
    #expect(all?.0 == "set")
    #expect(all?.1 == .commandLine)
  }

  @Test(
    "--set is checked like every other value",
    arguments: [
      ("base.port", "70000", "--set base.port: 70000 is out of range"),
      ("base.prot", "1", "--set base.prot: image 'gateway' has no variable of this name"),
      ("base.key", "hunter2", "the secret 'base.key' cannot be given on the command line, where others can read it"),
    ])
  func settings(name: String, value: String, message: String) throws {
    let sample = SystemSample(
      image: "layers: [base]\nvariables: { base.key: !env KEY }",
      layers: [
        "base": """
        variables:
          port: { type: integer, description: A, maximum: 65535, default: 1 }
          key: { type: secret, description: B }
        """
      ])

    let problems = try #require(throws: ProjectProblems.self) {
      try sample.read(set: [name: value], environment: ["KEY": "k3y"])
    }

    #expect(problems.diagnostics.filter { $0.severity == .error }.map(\.message) == [message])
  }

  @Test("A required variable without a value is an error that says how to set one")
  func missing() throws {
    let sample = SystemSample(layers: ["base": "variables: { a: { description: Name of the site } }"])

    let problems = try #require(throws: ProjectProblems.self) { try sample.read() }

    #expect(problems.diagnostics.map(\.message) == ["the variable 'base.a' has no value"])
    #expect(problems.diagnostics.first?.hint == "Name of the site; add `base.a: …` to 'variables' of the image")
  }

  @Test("An unused variable of the image is a warning that names the similar variable of a layer")
  func unused() throws {
    let sample = SystemSample(
      image: "layers: [base]\nvariables: { port: 1 }",
      layers: ["base": "variables: { port: { type: integer, description: A, default: 1 } }"])

    let warnings = try sample.read().warnings

    #expect(warnings.map(\.message) == ["nothing uses the variable 'port'"])
    #expect(warnings.first?.hint == "did you mean 'base.port'?")
  }

  @Test("The trace shows the origin of a value, a package and a file, and the overridden values")
  func trace() throws {
    let sample = SystemSample(
      image: """
        layers: [base]
        variables: { base.a: 2 }
        files: [{ path: /etc/a, content: image }]
        override: { base: { remove: { packages: [nano] } } }
        """,
      layers: [
        "base": """
        variables: { a: { type: integer, description: A, default: 1 } }
        packages: [nano, jq]
        files: [{ path: /etc/a, content: layer }]
        """
      ])

    let trace = try sample.read().trace

    let values = trace.entries(named: "a")
    #expect(values.map(\.value) == ["2", "1"])
    #expect(values.map(\.counts) == [true, false])
    #expect(values.map { $0.position?.file.lastPathComponent } == ["cultivar.yaml", "layer.yaml"])
    #expect(trace.entries(named: "/etc/a").map(\.counts) == [false, true])
    #expect(trace.entries(named: "nano").map(\.action) == ["from the layer", "removed by an override"])
    #expect(trace.entries(named: "jq").map(\.layer) == ["base"])
  }
}

@Suite("Secrets")
struct SecretTests {
  private static let secret = "tops3cret-value"

  private static func sample(_ value: String = "!env KEY", image: String = "") -> SystemSample {
    SystemSample(
      image: "layers: [base]\nvariables: { base.key: \(value) }\n\(image)",
      layers: [
        "base": """
        variables: { key: { type: secret, description: A, pattern: "[a-z0-9-]+" } }
        files: [{ path: /etc/key, content: "key=${key}\\n" }, { path: /etc/open, content: open }]
        users: { admin: {} }
        steps: { a: { run: 'cat /run/secrets/key', secrets: [key] } }
        """
      ])
  }

  @Test("A secret is inserted into files and steps, which are marked, and into no environment")
  func arrives() throws {
    let system = try Self.sample().read(environment: ["KEY": Self.secret]).system

    let layer = try #require(system.layers.first)
    #expect(layer.files.map(\.isSecret) == [true, false])
    #expect(layer.files.map(\.mode) == [0o600, nil])
    #expect(layer.files[0].content == .text("key=\(Self.secret)\n"))
    #expect(layer.steps[0].secrets == ["key": Self.secret])
    #expect(layer.steps[0].environment.isEmpty)
    #expect(system.variables.map(\.isSecret) == [true])
  }

  @Test("No message, line, trace or JSON shows a secret, wherever it comes from")
  func hidden() throws {
    let broken = "packages: [Wrong]\nfiles: [{ path: /etc/x, content: \"${nothing}\" }]"
    let samples = [
      Self.sample(Self.secret), Self.sample("\(Self.secret), base.other: 1"), Self.sample("!file key.txt"),
      Self.sample("\"\(Self.secret)!\""), Self.sample(Self.secret, image: broken), Self.sample(),
    ]
    var outputs: [String] = []
    for var sample in samples {
      sample.files["key.txt"] = Self.secret + "\n"
      for settings in [[:], ["base.key": Self.secret]] {
        do {
          let result = try sample.read(set: settings, environment: ["KEY": Self.secret])
          outputs += result.warnings.flatMap { [$0.rendered(relativeTo: .temporaryDirectory), $0.json.compact] }
          outputs += result.trace.entries.map(\.json.compact) + [result.graph.json.compact]
        } catch let problems as ProjectProblems {
          outputs += problems.diagnostics.flatMap { [$0.rendered(relativeTo: .temporaryDirectory), $0.json.compact] }
        }
      }
    }

    #expect(outputs.count > 20)
    #expect(outputs.allSatisfy { !$0.contains(Self.secret) })
  }

  @Test("A secret in plain text in the project file is a warning")
  func clear() throws {
    let warnings = try Self.sample(Self.secret).read().warnings

    #expect(warnings.map(\.message) == ["the secret 'base.key' is plain text in cultivar.yaml"])
    #expect(warnings.first?.sourceLine.contains(ProblemList.cover) == true)
  }

  @Test("Without a build, a missing secret is a warning")
  func absent() throws {
    let warnings = try Self.sample().read(needsSecrets: false).warnings

    #expect(warnings.map(\.message) == ["the environment has no variable 'KEY'"])
  }
}

@Suite("Checking all systems of a project")
struct SystemsCheckTests {
  @Test("Project settings for a layer need an image that has it; unused profiles are checked too")
  func unused() throws {
    let sample = SystemSample(
      project: "variables: { bsae.a: 1 }\nprofiles: { spare: { layers: [base] } }", layers: ["base": "packages: [aa]"])
    let broken = SystemSample(project: "profiles: { spare: { layers: [bse] } }")

    #expect(try messages(sample) == ["no image has the layer 'bsae'"])
    #expect(try messages(broken) == ["there is no layer 'bse'"])
  }

  private func messages(_ sample: SystemSample) throws -> [String] {
    try sample.withFolder { folder in
      let project = try ProjectReader().read(folder.appending(path: "cultivar.yaml")).project
      let check = SystemsCheck(library: LayerLibrary(builtIn: SystemSample.builtIn))
      return check.run(project, environment: [:]).problems.map(\.message)
    }
  }
}
