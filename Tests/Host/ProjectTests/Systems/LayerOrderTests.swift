import Foundation
import Testing

@testable import Project

@Suite("The order of layers, and their replacement")
struct LayerOrderTests {
  private func order(_ image: String, _ layers: [String: String], project: String = "") throws -> [String] {
    try SystemSample(project: project, image: image, layers: layers).read().graph.nodes.map(\.name)
  }

  @Test("A required layer comes before the layer that requires it; otherwise the written order counts")
  func dependency() throws {
    let layers = ["a": "requires: [z]", "b": "packages: [bb]", "z": "packages: [zz]"]

    #expect(try order("layers: [b, a]", layers) == ["b", "z", "a"])
    #expect(try order("layers: [a, b]", layers) == ["z", "a", "b"])
    #expect(try order("layers: [a, b, z, ./layers/a]", layers) == ["z", "a", "b"])
  }

  @Test("'after' applies only if the other layer is used, and does not add it")
  func after() throws {
    let layers = ["a": "after: [b, c]", "b": "packages: [bb]", "c": "packages: [cc]"]

    #expect(try order("layers: [a]", layers) == ["a"])
    #expect(try order("layers: [a, b]", layers) == ["b", "a"])
  }

  @Test("The order is the same in every run")
  func repeatable() throws {
    var layers = ["l0": "packages: [base-files]"]
    for index in 1..<20 { layers["l\(index)"] = "requires: [l\(index / 2)]\nafter: [l\(index / 3)]" }
    let image = "layers: [\((0..<20).reversed().map { "l\($0)" }.joined(separator: ", "))]"

    let orders = try (0..<5).map { _ in try order(image, layers) }

    #expect(Set(orders).count == 1)
    #expect(orders[0].count == 20)
  }

  @Test("A provided name meets a requirement without the layer of that name")
  func provides() throws {
    let layers = ["web": "requires: [clock]", "clock": "packages: [systemd-timesyncd]", "chrony": "provides: [clock]"]

    #expect(try order("layers: [web]", layers) == ["clock", "web"])
    #expect(try order("layers: [web, chrony]", layers) == ["chrony", "web"])
  }

  @Test("A layer of the profile is dropped, or replaced everywhere by another one")
  func dropAndReplace() throws {
    let project = "profiles: { edge: { layers: [base, clock] } }"
    let layers = [
      "base": "packages: [aa]", "clock": "packages: [bb]", "chrony": "packages: [cc]", "web": "requires: [clock]",
    ]

    #expect(try order("profile: edge\ndrop: [clock]", layers, project: project) == ["base"])
    #expect(
      try order("profile: edge\nlayers: [web]\nreplace: { clock: chrony }", layers, project: project)
        == ["base", "chrony", "web"])
  }

  @Test("A project's layer replaces a built-in one of the same name; a layer finds the layers next to it")
  func places() throws {
    var sample = SystemSample(image: "layers: [./vendor/sensors]", layers: ["apt": "packages: [apt]"])
    sample.files = [
      "vendor/sensors/layer.yaml": SystemSample.head + "requires: [common, apt]",
      "vendor/common/layer.yaml": SystemSample.head,
    ]

    let nodes = try sample.read().graph.nodes

    #expect(nodes.map(\.name) == ["common", "apt", "sensors"])
    #expect(nodes.map(\.origin) == ["./vendor/common", "./layers/apt", "./vendor/sensors"])
  }

  @Test("A layer of a git repository comes from its checkout, and has its commit")
  func git() throws {
    let sample = SystemSample(
      project: "layers: { sensors: { git: \"https://git.example.org/a.git\", branch: main, folder: sub } }",
      image: "layers: [sensors]")
    try sample.withFolder { folder in
      try WholeFile.write(SystemSample.head, to: folder.appending(path: "checkout/sub/layer.yaml"))
      let project = try ProjectReader().read(folder.appending(path: "cultivar.yaml")).project
      let library = LayerLibrary(
        builtIn: nil,
        checkouts: [
          "sensors": .init(folder: folder.appending(path: "checkout"), commit: String(repeating: "ab", count: 20))
        ])

      let result = try SystemReader(library: library).read(try #require(project.images.first), of: project)

      #expect(result.system.layers.first?.origin == "https://git.example.org/a.git at abababababab")
    }
  }

  @Test("The graph is shown as text and in the language of Graphviz")
  func graph() throws {
    let result = try SystemSample(
      image: "layers: [a, c]", layers: ["a": "requires: [b]\nafter: [c]", "b": "provides: [x]", "c": "packages: [cc]"]
    ).read()

    #expect(result.graph.text == "gateway\n  1. b\n  2. c\n  3. a  (requires b; after c)")
    #expect(
      result.graph.dot == """
        digraph "gateway" {
          rankdir=BT;
          "b";
          "c";
          "a";
          "a" -> "b";
          "a" -> "c" [style=dashed];
        }
        """)
  }
}

@Suite("Overrides")
struct OverrideTests {
  private static let layer = """
    packages: [nginx, curl]
    files: [{ path: /etc/a, content: a }, { path: /etc/b, content: b }]
    steps: { one: { run: one }, two: { run: two }, three: { run: three } }
    units: { enable: [a.service, b.service] }
    kernel: { arguments: [quiet] }
    state: { persist: [/var/lib/a] }
    health: { web: curl }
    """

  private func layer(_ override: String, project: String = "") throws -> SystemLayer {
    let sample = SystemSample(
      project: project, image: "layers: [base]" + (override.isEmpty ? "" : "\noverride: { base: \(override) }"),
      layers: ["base": Self.layer])
    return try #require(try sample.read().system.layers.first)
  }

  @Test("Every kind of part is removed by content or name")
  func remove() throws {
    let layer = try layer(
      """
      { remove: { packages: [curl], files: [/etc/a], steps: [two], units: [a.service], kernel: [quiet],
          state: [/var/lib/a], health: [web] } }
      """.replacing("\n", with: " "))

    #expect(layer.packages.map(\.name) == ["nginx"])
    #expect(layer.files.map(\.path) == ["/etc/b"])
    #expect(layer.steps.map(\.name) == ["one", "three"])
    #expect(layer.units.enabled.map(\.value) == ["b.service"])
    #expect(layer.kernelArguments.isEmpty && layer.persistedPaths.isEmpty && layer.healthChecks.isEmpty)
  }

  @Test("A part with an existing name replaces that part in place; other parts are added")
  func replace() throws {
    let layer = try layer(
      "{ packages: [nginx=1.2-3, jq], steps: { two: { run: other } }, files: [{ path: /etc/b, content: c }], units: { mask: [a.service] } }"
    )

    #expect(layer.packages.map(\.name) == ["nginx", "curl", "jq"])
    #expect(layer.packages[0].version == "1.2-3")
    #expect(layer.steps.map(\.name) == ["one", "two", "three"])
    #expect(layer.steps[1].script == .shell("other"))
    #expect(layer.files.map(\.content) == [.text("a"), .text("c")])
    #expect((layer.units.enabled.map(\.value), layer.units.masked.map(\.value)) == (["b.service"], ["a.service"]))
  }

  @Test("The project's overrides come before the image's")
  func levels() throws {
    let project = "override: { base: { remove: { packages: [curl] }, packages: [jq] } }"

    #expect(try layer("", project: project).packages.map(\.name) == ["nginx", "jq"])
    #expect(try layer("{ remove: { packages: [jq] } }", project: project).packages.map(\.name) == ["nginx"])
  }
}
