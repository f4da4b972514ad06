import DebianPackages
import Foundation
import Testing

@testable import Project

@Suite("Reading a system")
struct SystemReaderTests {
  @Test("All keys of a layer are read")
  func complete() throws {
    var sample = SystemSample(image: "layers: [base]\nbase: bookworm\nkernel: { arguments: [\"site=${image.name}\"] }")
    sample.layers["base"] = """
      variables:
        port: { type: integer, description: Port, default: 80 }
        admins: { type: list, description: Keys, default: ["ssh-ed25519 AAAA me", "ssh-rsa BBBB you"] }
      repositories:
        vendor:
          url: https://packages.example.org/debian
          suites: ["${image.suite}"]
          key: ./vendor.asc
          pin: { priority: 100, packages: ["nginx*"] }
          inImage: false
      packages: { install: [nginx, curl=8.0-1, nginx], remove: [nano], exclude: [exim4-base] }
      paths: [{ exclude: /usr/share/doc/* }, { include: /usr/share/doc/*/copyright }]
      groups: { gpio: { gid: 900, system: true } }
      users: { admin: { uid: 1000, groups: [gpio], shell: /bin/sh, authorizedKeys: ["${admins}"] } }
      files:
        - { path: /etc/port, content: "port ${port}, not $${port}\\n", owner: admin, group: gpio, mode: "0640" }
        - { path: /etc/link, link: port }
        - { path: /etc/old, absent: true }
        - { path: /var/lib/a, folder: true }
      steps:
        first: { phase: essential, run: 'echo ${port}', env: { MODE: "m${port}" }, network: true }
        second: { phase: image, script: ./steps/second, inputs: { key: ./vendor.asc } }
      units: { add: [./a.service], enable: [a.service], disable: [b.timer], mask: [c.socket], default: multi-user.target }
      kernel: { arguments: [quiet], modules: [usbhid] }
      state: { persist: [/var/lib/a, { path: /etc/a, onUpdate: merge }] }
      health: { web: "curl -f http://localhost:${PORT}" }
      """
    sample.files = [
      "layers/base/vendor.asc": "key", "layers/base/a.service": "[Unit]\n", "layers/base/steps/second": "#!/bin/sh\n",
      "layers/base/steps/second~": "#!/bin/sh\nfalse\n", "layers/base/steps/.#second": "",
    ]
    sample.runnable = ["layers/base/steps/second", "layers/base/steps/second~"]

    let result = try sample.read()

    let layer = try #require(result.system.layers.first)
    #expect(result.system.base == .debian(suite: "bookworm"))
    #expect(result.system.layers.map(\.name) == ["base", "gateway"])
    #expect(layer.origin == "./layers/base")
    let repository = try #require(layer.repositories.first)
    let source = repository.source
    #expect((source.name, source.suites, source.components) == ("vendor", ["bookworm"], ["main"]))
    #expect(source.pin == RepositoryPin(priority: 100, packages: ["nginx*"]) && !repository.inImage)
    #expect(layer.packages == [PackageWish(name: "nginx"), PackageWish(name: "curl", version: "8.0-1")])
    #expect(layer.removedPackages == ["nano"])
    #expect(layer.excludedPackages == ["exim4-base"])
    #expect(layer.pathRules.map(\.isInclusion) == [false, true])
    let group = try #require(layer.groups.first)
    #expect((group.name, group.gid, group.isSystem) == ("gpio", 900, true))
    let user = try #require(layer.users.first)
    #expect((user.name, user.uid, user.groups.map(\.value), user.shell?.value) == ("admin", 1000, ["gpio"], "/bin/sh"))
    #expect(user.authorizedKeys == ["ssh-ed25519 AAAA me", "ssh-rsa BBBB you"])
    #expect(
      layer.files.map(\.path) == ["/etc/port", "/etc/link", "/etc/old", "/var/lib/a", "/etc/systemd/system/a.service"])
    #expect(layer.files[0].content == .text("port 80, not ${port}\n"))
    #expect((layer.files[0].owner, layer.files[0].group, layer.files[0].mode) == ("admin", "gpio", 0o640))
    #expect(layer.files[1].content == .link("port"))
    #expect(layer.files[2].content == .absent)
    #expect(layer.steps.map(\.name) == ["first", "second"])
    #expect(layer.steps.map(\.place) == [.root, .sandbox])
    #expect(layer.steps[0].script == .shell("echo ${port}"))
    #expect(layer.steps[0].environment["VAR_PORT"] == "80")
    #expect(layer.steps[0].environment["MODE"] == "m80")
    #expect(layer.steps[0].usesNetwork)
    #expect(layer.steps[1].inputs.keys.sorted() == ["key"])
    #expect(layer.units.enabled.map(\.value) == ["a.service"])
    #expect(layer.units.defaultTarget?.value == "multi-user.target")
    #expect(layer.kernelArguments == ["quiet"])
    #expect(layer.bootModules.map(\.value) == ["usbhid"])
    #expect(layer.persistedPaths.map(\.onUpdate) == [.keep, .merge])
    #expect(
      layer.healthChecks.map(\.name) == ["web"] && layer.healthChecks[0].command == "curl -f http://localhost:${PORT}")
    #expect(result.system.layers[1].kernelArguments == ["site=gateway"])
  }

  @Test("The image's own additions are its last layer, under its name")
  func inline() throws {
    let sample = SystemSample(
      image: """
        layers: [base]
        variables: { greeting: Hello }
        packages: [nftables]
        files: [{ path: /etc/motd, content: "${greeting} from ${image.hostname}, ${base.place}\\n" }]
        """, layers: ["base": "variables: { place: { description: A, default: roof } }"])

    let layer = try #require(try sample.read().system.layers.last)

    #expect(layer.name == "gateway")
    #expect(layer.packages == [PackageWish(name: "nftables")])
    #expect(layer.files.map(\.content) == [.text("Hello from gateway, roof\n")])
  }

  @Test("The folder 'files' is copied without backup files; 'files:' sets owner, mode and templates")
  func overlay() throws {
    var sample = SystemSample()
    sample.layers["base"] = """
      variables: { name: { description: A, default: b } }
      files:
        - { path: /etc/b, template: true, mode: "0600", owner: adm }
        - { path: /var/lib/x, owner: adm }
      """
    sample.files = [
      "layers/base/files/etc/a": "${name}", "layers/base/files/etc/b": "<${name}>", "layers/base/files/etc/a~": "",
      "layers/base/files/var/lib/x/.gitkeep": "", "layers/base/files/usr/bin/run": "",
    ]
    sample.runnable = ["layers/base/files/usr/bin/run"]

    let result = try sample.read()

    let files = try #require(result.system.layers.first).files
    #expect(files.map(\.path) == ["/etc/a", "/etc/b", "/usr/bin/run", "/var/lib/x"])
    if case .file(let url) = files[0].content { #expect(url.lastPathComponent == "a") } else { Issue.record() }
    #expect(files[1].content == .text("<b>"))
    #expect((files[1].owner, files[1].mode) == ("adm", 0o600))
    #expect((files[3].content, files[3].owner) == (.folder, "adm"))
    #expect(result.warnings.count == 1)
    #expect(result.warnings.first?.message.hasSuffix("/a~ has the name of a backup file, and is not copied") == true)
  }

  @Test("A folder as a source adds its files, with the given owner and mode")
  func sourceFolder() throws {
    var sample = SystemSample(
      image: "layers: [base]\nfiles: [{ path: /srv, source: ./site, owner: adm, mode: \"0640\" }]")
    sample.files = ["site/a": "1", "site/b/c": "2"]

    let files = try #require(try sample.read().system.layers.last).files

    #expect(files.map(\.path) == ["/srv/a", "/srv/b/c"])
    #expect(files.allSatisfy { $0.owner == "adm" && $0.mode == 0o640 })
  }

  @Test("A third-party image as a base")
  func importedBase() throws {
    let hash = String(repeating: "a", count: 64)
    var sample = SystemSample(
      image: "layers: [base]\nbase: { image: ./os.img.xz, sha256: \(hash), partition: 2, suite: bookworm }")
    sample.files = ["os.img.xz": ""]

    guard case .image(let base) = try sample.read().system.base else { return #expect(Bool(false)) }

    #expect(base.file.lastPathComponent == "os.img.xz")
    #expect((base.sha256, base.rootPartition, base.suite) == (hash, 2, "bookworm"))
  }

  @Test("A base alone is a system; without a suite, that of the base is used")
  func baseAlone() throws {
    var sample = SystemSample(image: "base: { image: ./os.img }")
    sample.files = ["os.img": ""]

    let result = try sample.read()

    #expect(result.system.base.suite == nil)
    #expect(result.system.layers.map(\.name) == ["gateway"])
    #expect(result.trace.entries.map { "\($0.kind) \($0.name)" } == ["base os.img"])
  }

  @Test("The built-in layers and profiles can be read")
  func builtIn() throws {
    let library = LayerLibrary(builtIn: SystemSample.builtIn)
    let folder = URL(fileURLWithPath: "/nowhere")

    let layers = try LayerCatalogue(project: nil, library: library, folder: folder).all()
    let result = try SystemSample(
      image:
        "profile: debian-minimal\nlayers: [openssh-server, apt]\nvariables: { openssh-server.authorized-keys: [ssh-rsa AAAA me] }"
    )
    .read()

    #expect(layers.map(\.name).contains("openssh-server"))
    #expect(result.system.layers.map(\.name) == ["debian-minimal", "openssh-server", "apt", "gateway"])
    #expect(result.system.layers[1].files.contains { $0.content == .text("ssh-rsa AAAA me\n") })
    #expect(result.warnings == [])
  }

  @Test("The library is next to the installed tool, in a source checkout, or set in the environment")
  func library() throws {
    try withTemporaryFolder { folder in
      let installed = folder.appending(path: "prefix/share/cultivar/layers")
      let checkout = folder.appending(path: "checkout")
      for layers in [installed, checkout.appending(path: "Layers")] {
        try WholeFile.write("{}", to: layers.appending(path: "profiles.yaml"))
      }
      try WholeFile.write("", to: checkout.appending(path: "Package.swift"))
      func found(_ tool: String, _ environment: [String: String] = [:]) -> String? {
        LayerLibrary.builtInFolder(environment: environment, tool: folder.appending(path: tool))?.path
      }

      #expect(found("prefix/bin/cultivar") == installed.path)
      #expect(found("checkout/.build/debug/cultivar") == checkout.appending(path: "Layers").path)
      #expect(found("checkout/.build/debug/cultivar", ["CULTIVAR_LAYERS": "/own"]) == "/own")
      #expect(found("elsewhere/cultivar") == nil)
    }
  }
}
