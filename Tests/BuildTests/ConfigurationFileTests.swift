import Foundation
import TestFixtures
import Testing

@Suite("Packages that find something else than they brought", .enabled(if: Workshop.isReady, Workshop.condition))
struct ConfigurationFileTests {
  private func withRepository(
    _ packages: [LocalRepository.Package], _ layers: [String: String], _ work: (URL) throws -> Void
  ) async throws {
    try await withTemporaryFolder { folder in
      let repository = try LocalRepository(in: folder.appending(path: "repository"))
      try repository.publish(packages)
      let project = folder.appending(path: "project")
      try project.writing(
        """
        cultivar: 1
        name: test
        images:
          box:
            device: generic-x86_64
            base: trixie
            layout: system-single
            kernel: { package: linux-image-cloud-amd64 }
            layers: [\(layers.keys.sorted().joined(separator: ", "))]
        """, to: "cultivar.yaml")
      for (name, text) in layers {
        let repositories =
          name == layers.keys.min()
          ? "repositories:\n  tools: { url: \"\(repository.url)\", suites: [./], components: [], key: ./key.asc }\n" : ""
        try project.writing(
          "cultivar: 1\ndescription: A layer\n\(repositories)\(text)\n", to: "layers/\(name)/layer.yaml")
        try project.writing(try String(contentsOf: repository.key, encoding: .utf8), to: "layers/\(name)/key.asc")
      }
      try work(project)
    }
  }

  @Test("What a step wrote into a configuration file stays when a later layer brings the package anew, and is said")
  func kept() async throws {
    try await withRepository(
      ["1.0", "2.0"].map { .init(name: "tool", version: $0, isConfigured: true) },
      [
        "a": "packages: [tool=1.0]\nsteps: { edit: { run: \"echo mine > /etc/tool.conf\" } }",
        "b": "packages: [tool=2.0]",
      ]
    ) { project in
      let verdict = try Workshop.run(
        ["shell", "--", "sh", "-c", "cat /etc/tool.conf /usr/share/tool/version; ls /etc | grep tool"], in: project,
        environment: LibrarySystem.environment)

      #expect(verdict.status == 0, "\(verdict.errors)")
      #expect(verdict.output == "mine\n2.0tool.conf\n")
      #expect(verdict.errors.contains("/etc/tool.conf stays as an earlier layer left it"), "\(verdict.errors)")
    }
  }

  @Test("When a stage fails, what dpkg says of the reason comes before what others print after it")
  func decisive() async throws {
    let loud = "i=0; while [ $i -lt 100 ]; do echo \"line $i of the other one\"; i=$((i+1)); done"
    try await withRepository(
      [.init(name: "bad", version: "1.0", script: "echo the reason; exit 3"), .init(name: "loud", version: "1.0", script: loud)],
      ["a": "packages: [bad, loud]"]
    ) { project in
      let verdict = try Workshop.run(["build", "-q"], in: project, environment: LibrarySystem.environment)

      #expect(verdict.status == 1)
      let lines = verdict.errors.split(separator: "\n")
      #expect(lines.dropFirst().first?.contains("dpkg: error processing package bad") == true, "\(verdict.errors)")
    }
  }
}
