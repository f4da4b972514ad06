import Foundation
import HostSystem
import TestFixtures
import Testing

@Suite("The examples of systems", .enabled(if: Workshop.isReady, Workshop.condition))
struct ExampleTests {
  /// Environment of the builds. The password is `slim`.
  private static let environment: [String: String?] = [
    "CULTIVAR_LAYERS": Checkout.layers.path,
    "SLIM_PASSWORD_HASH":
      "$6$abcdefgh$WOVsgfrgAkVwfE8igpi3hJFgxBDi20LM6jumFGgBC8gKJBMmvq0jPj/KwYJmnXf.xz4RY089HFrjGeKqxJx7b1",
  ]

  /// Makes a copy of an example for a test, so that a build does not write into the checkout.
  private func withExample(_ name: String, _ work: (URL) throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      let copy = folder.appending(path: name)
      try FileManager.default.copyItem(at: Checkout.folder.appending(path: "examples/\(name)"), to: copy)
      for left in ["build", "cultivar.lock"] { FolderTree.remove(copy.appending(path: left).path) }
      try work(copy)
    }
  }

  @Test("Every example is checked without a problem", arguments: ["slim", "kiosk"])
  func check(name: String) async throws {
    try await withExample(name) { folder in
      let verdict = try Workshop.run(["check"], in: folder, environment: Self.environment)
      #expect(verdict.status == 0)
      #expect((verdict.output + verdict.errors).contains("no problems"), "\(verdict.errors)")
    }
  }

  private struct Contents: Decodable {
    struct Entry: Decodable {
      var path: String
      var kind: String
      var size: Int
      var sha256: String?
    }
    var entries: [Entry]
  }

  @Test("The slim Debian has no documentation and no APT, keeps copyright files and dpkg, and is small")
  func slim() async throws {
    try await withExample("slim") { folder in
      let verdict = try Workshop.run(
        ["build", "--quiet", "--format", "root-tar"], in: folder, environment: Self.environment)
      try #require(verdict.status == 0, "\(verdict.errors)")
      let artefacts = folder.appending(path: "build/slim")
      let files = try JSONDecoder().decode(
        Contents.self, from: Data(contentsOf: artefacts.appending(path: "contents.json"))
      ).entries.filter { $0.kind == "file" }

      for place in ["man", "info", "locale", "lintian"] {
        #expect(files.allSatisfy { !$0.path.hasPrefix("/usr/share/\(place)/") }, "\(place)")
      }
      let documentation = files.map(\.path).filter { $0.hasPrefix("/usr/share/doc/") }
      #expect(documentation.contains("/usr/share/doc/libc6/copyright"))
      #expect(documentation.allSatisfy { $0.hasSuffix("/copyright") })
      let names = try BuiltImage(artefacts).manifest.packages.map(\.name)
      #expect(names.contains("dpkg"))
      #expect(!names.contains("apt"))
      #expect(files.reduce(0) { $0 + $1.size } < 100 << 20)

      let sums = try Judge("sh").run(
        ["-c", "mkdir root && tar --zstd -xf root.tar.zst -C root && cd root && find . -type f -exec sha256sum {} +"],
        in: artefacts)
      #expect(
        Set(sums.output.split(separator: "\n").map(String.init))
          == Set(files.map { "\($0.sha256 ?? "")  .\($0.path)" }))
    }
  }

  @Test("Images of OCI archives are in the root's image store, and the archives are not in the root")
  func seededImages() async throws {
    try await withTemporaryFolder { folder in
      try Workshop.write(programs: [Workshop.Program.hello], image: "formats: [root-oci]", to: folder)
      try #require(try Workshop.run(["build", "--quiet"], in: folder).status == 0)
      let system = folder.appending(path: "system")
      try FolderTree.create(system.path)
      try FileManager.default.copyItem(
        at: folder.appending(path: "build/box/root.oci.tar"), to: system.appending(path: "hello.tar"))
      let project = """
        cultivar: 1
        name: containers
        images:
          box:
            device: generic-x86_64
            layout: system-single
            kernel: { package: linux-image-cloud-amd64 }
            profile: debian-minimal
            layers: [podman]
            variables: { podman.images: [/srv/hello.tar] }
            files: [{ path: /srv/hello.tar, source: ./hello.tar }]

        """
      try system.writing(project, to: "cultivar.yaml")

      let question = """
        grep -o '"localhost/box:0.0.0"' /usr/share/containers/storage/overlay-images/images.json | sort -u
        ls /srv /usr/share/containers/storage
        """
      let verdict = try Workshop.run(
        ["shell", "box", "--", "sh", "-c", question], in: system, environment: Self.environment)

      #expect(verdict.status == 0, "\(verdict.errors)")
      #expect(
        verdict.output
          == "\"localhost/box:0.0.0\"\n/srv:\n\n/usr/share/containers/storage:\noverlay\noverlay-images\noverlay-layers\n"
      )
    }
  }
}
