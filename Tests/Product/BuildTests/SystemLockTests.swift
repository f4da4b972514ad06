import Foundation
import HostSystem
import TestFixtures
import Testing

@Suite("The lock file of a system, and its own repository", .enabled(if: Workshop.isReady, Workshop.condition))
struct SystemLockTests {
  private static let project = """
    cultivar: 1
    name: locked
    images:
      box:
        device: generic-x86_64
        base: trixie
        layout: system-single
        kernel: { package: linux-image-cloud-amd64 }
        layers: [debian-minimal, apt, tools, other]
        steps: { judge: { phase: image, network: true, script: ./judge } }

    """

  /// Queries the APT of the root, which has no other sources here, about its packages.
  private static let judge = """
    #!/bin/sh -eu
    artefacts=$PWD
    cd "$CULTIVAR_ROOT"
    cat etc/apt/sources.list.d/tools.sources > "$artefacts/sources"
    stat -c '%a %U' etc/apt/sources.list.d/tools.sources etc/apt/keyrings/tools.asc > "$artefacts/modes"
    cat etc/apt/keyrings/tools.asc > "$artefacts/key"
    sources="-o Dir::Etc::sourcelist=sources.list.d/tools.sources -o Dir::Etc::sourceparts=-"
    : > dev/null
    chmod 666 dev/null
    chroot . apt-get update -q $sources -o APT::Update::Error-Mode=any >&2
    chroot . apt-cache policy $sources tool other > "$artefacts/policy"

    """

  private func write(_ repository: LocalRepository, to folder: URL) throws {
    try folder.writing(Self.project, to: "cultivar.yaml")
    try folder.writing(Self.judge, to: "judge", mode: 0o755)
    try folder.writing(
      """
      cultivar: 1
      description: A tool of the vendor's
      repositories:
        tools: { url: "\(repository.url)", suites: [./], components: [], key: ./key.asc }
      packages: [tool]

      """, to: "layers/tools/layer.yaml")
    try folder.writing(try FolderTree.readFile(repository.key.path), to: "layers/tools/key.asc")
    try folder.writing(
      "cultivar: 1\ndescription: Another tool\nrequires: [tools]\npackages: [other]\n", to: "layers/other/layer.yaml")
  }

  @Test("A locked build keeps locked versions; an update changes named ones; the device's APT accepts its repository")
  func lock() async throws {
    try await withTemporaryFolder { folder in
      let repository = try LocalRepository(in: folder.appending(path: "repository"))
      try repository.publish([.init(name: "tool", version: "1.0"), .init(name: "other", version: "1.0")])
      let project = folder.appending(path: "project")
      try write(repository, to: project)
      func run(_ arguments: String..., status: Int32 = 0) throws -> Judge.Verdict {
        let verdict = try Workshop.run(arguments, in: project, environment: LibrarySystem.environment)
        try #require(verdict.status == status, "\(arguments): \(verdict.errors)")
        return verdict
      }
      func versions() throws -> [String: String] {
        let packages = try SmallSystem.packages(FolderTree.readFile(project.appending(path: "cultivar.lock").path))
        return Dictionary(packages.map { ($0.name, $0.version) }) { first, _ in first }
      }

      let early = try run("build", "--locked", "-q", status: 1)
      #expect(early.errors.contains("there is no lock file"), "\(early.errors)")
      _ = try run("lock", "-q")
      let first = try versions()
      try repository.publish([
        .init(name: "tool", version: "2.0"), .init(name: "other", version: "2.0"), .init(name: "third", version: "2.0"),
      ])

      _ = try run("build", "--locked", "-q")

      #expect(try versions() == first)
      try expectRepository(repository, in: project.appending(path: "build/box"))

      let outdated = try run("outdated", "--check", "--json", status: 1)
      let changes = try JSONDecoder().decode([Change].self, from: Data(outdated.output.utf8))
      #expect(
        changes == [
          Change(name: "other", locked: "1.0", available: "2.0"), Change(name: "tool", locked: "1.0", available: "2.0"),
        ])

      _ = try run("lock", "--update", "tool", "-q")
      let updated = try versions()
      #expect(updated == first.merging(["tool": "2.0"]) { $1 })

      let layer = try project.text("layers/other/layer.yaml")
      try project.writing(layer.replacing("[other]", with: "[other, third]"), to: "layers/other/layer.yaml")
      let refused = try run("build", "--locked", "-q", status: 1)
      #expect(
        refused.errors.contains("cultivar.lock does not have these entries, which the build needs:\n"),
        "\(refused.errors)")
      #expect(refused.errors.contains("run `cultivar lock` and commit cultivar.lock"), "\(refused.errors)")
      #expect(try versions() == updated)

      _ = try run("lock", "-q")
      #expect(try versions() == updated.merging(["third": "2.0"]) { $1 })
    }
  }

  /// A row of `cultivar outdated --json`.
  private struct Change: Decodable, Equatable {
    var name: String
    var locked: String?
    var available: String?
  }

  private func expectRepository(_ repository: LocalRepository, in artefacts: URL) throws {
    #expect(
      try artefacts.text("sources") == """
        Types: deb
        URIs: \(repository.url)
        Suites: ./
        Signed-By: /etc/apt/keyrings/tools.asc

        """)
    #expect(try artefacts.text("modes") == "644 root\n644 root\n")
    #expect(try artefacts.text("key") == String(contentsOf: repository.key, encoding: .utf8))
    let policy = try artefacts.text("policy")
    for name in ["tool", "other"] {
      #expect(policy.contains("\(name):\n  Installed: 1.0\n  Candidate: 2.0\n"), "\(policy)")
    }
  }
}
