import Foundation
import Glibc
import HostSystem
import TestFixtures
import Testing

@Suite("Packages of repositories", .enabled(if: Workshop.isReady, Workshop.condition))
struct RepositoryPackageTests {
  private func withRepository(
    _ packages: [LocalRepository.Package], _ layers: [String: String], isLocal: Bool = false,
    _ work: (URL) throws -> Void
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
          ? "repositories:\n  tools: { url: \"\(isLocal ? repository.localURL : repository.url)\", suites: [./], components: [], key: ./key.asc }\n"
          : ""
        try project.writing(
          "cultivar: 1\ndescription: A layer\n\(repositories)\(text)\n", to: "layers/\(name)/layer.yaml")
        try project.writing(try String(contentsOf: repository.key, encoding: .utf8), to: "layers/\(name)/key.asc")
      }
      try work(project)
    }
  }

  @Test("A step's change to a configuration file is kept, with a message, when a later layer updates the package")
  func kept() async throws {
    try await withRepository(
      ["1.0", "2.0"].map { .init(name: "tool", version: $0, isConfigured: true) }
        + [.init(name: "needy", version: "1.0", needs: "tool (>= 2.0)")],
      [
        "a": "packages: [tool=1.0]\nsteps: { edit: { run: \"echo mine > /etc/tool.conf\" } }",
        "b": "packages: [needy]",
      ]
    ) { project in
      let verdict = try Workshop.run(
        ["shell", "--", "sh", "-c", "cat /etc/tool.conf /usr/share/tool/version; ls /etc | grep tool"], in: project,
        environment: LibrarySystem.environment)

      #expect(verdict.status == 0, "\(verdict.errors)")
      #expect(verdict.output == "mine\n2.0tool.conf\n")
      #expect(verdict.errors.contains("an earlier layer changed /etc/tool.conf, so it is kept"), "\(verdict.errors)")
    }
  }

  @Test(
    "The password of a repository comes from APT's own file, and is in no arguments, messages, lock file or image",
    .enabled(if: getuid() == 0, "only root can put a file in the place of APT's"))
  func password() async throws {
    let (user, password) = ("station", "tulips-0815-in-the-yard")
    try await withTemporaryFolder { folder in
      let repository = try LocalRepository(in: folder.appending(path: "repository"))
      try repository.publish([.init(name: "guarded", version: "\(UInt32.random(in: 1...UInt32.max))")])
      try repository.server.require(user: user, password: password)
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
            formats: [root-tar]
            kernel: { package: linux-image-cloud-amd64 }
            layers: [debian-minimal]
            packages: [guarded]
            repositories:
              tools: { url: "\(repository.url)", suites: [./], components: [], key: ./key.asc }
        """, to: "cultivar.yaml")
      try project.writing(try String(contentsOf: repository.key, encoding: .utf8), to: "key.asc")
      let file = try folder.writing(
        "machine \(repository.url) login \(user) password \(password)\n", to: "auth/test.conf")
      // In a mount namespace of its own: the machine's folder stays as it is.
      func build(_ folder: URL) throws -> Judge.Verdict {
        try Judge("unshare").run(
          [
            "--mount", "sh", "-euc", "mount --bind \"$1\" /etc/apt/auth.conf.d; shift; exec \"$@\"", "sh", folder.path,
            Workshop.tool.path, "build", "--verbose",
          ], in: project, environment: LibrarySystem.environment)
      }

      let stranger = try build(try folder.writing("", to: "empty/none.conf").deletingLastPathComponent())
      let made = try build(file.deletingLastPathComponent())

      #expect(stranger.status == 1 && stranger.errors.contains("401"), "\(stranger.errors)")
      #expect(made.status == 0, "\(made.errors)")
      #expect(try repository.server.requests().contains { $0.hasSuffix(".deb") })
      #expect(try repository.server.leaks() == "")
      let archive = project.appending(path: "build/box/root.tar.zst").path
      let encoded = Data("\(user):\(password)".utf8).base64EncodedString()
      for secret in [password, encoded] {
        #expect(!(made.output + made.errors + stranger.errors).contains(secret))
        let search = try Judge("sh").run(
          [
            "-c", "grep -rlaF -e \"$1\" cultivar.lock build || zstd -dcq \"$2\" | grep -aF -e \"$1\"", "sh", secret,
            archive,
          ],
          in: project)
        #expect(search.status == 1, "\(search.output)\(search.errors)")
      }
    }
  }

  @Test("When a stage fails, dpkg's reason comes before the later output of other packages")
  func decisive() async throws {
    let loud = "i=0; while [ $i -lt 100 ]; do echo \"line $i of the other one\"; i=$((i+1)); done"
    try await withRepository(
      [
        .init(name: "bad", version: "1.0", script: "echo the reason; exit 3"),
        .init(name: "loud", version: "1.0", script: loud),
      ],
      ["a": "packages: [bad, loud]"]
    ) { project in
      let verdict = try Workshop.run(["build", "-q"], in: project, environment: LibrarySystem.environment)

      #expect(verdict.status == 1)
      let lines = verdict.errors.split(separator: "\n")
      #expect(lines.dropFirst().first?.contains("dpkg: error processing package bad") == true, "\(verdict.errors)")
    }
  }

  @Test("A repository on the build host's disk is used from the check to the root")
  func local() async throws {
    try await withRepository([.init(name: "tool", version: "1.0")], ["a": "packages: [tool]"], isLocal: true) {
      project in
      let environment = LibrarySystem.environment
      let checked = try Workshop.run(["check"], in: project, environment: environment)
      let verdict = try Workshop.run(
        ["shell", "--", "cat", "/usr/share/tool/version"], in: project, environment: environment)
      let again = try Workshop.run(["lock", "--locked"], in: project, environment: environment)

      #expect(checked.status == 0, "\(checked.errors)")
      #expect(verdict.output == "1.0", "\(verdict.errors)")
      #expect(again.status != 1, "\(again.errors)")
    }
  }

  @Test("A damaged archive in the cache is fetched again from its repository")
  func damaged() async throws {
    let packages = ["tool", "other"].map { LocalRepository.Package(name: $0, version: "1.0") }
    try await withRepository(packages, ["a": "packages: [tool]"]) { project in
      let command = ["shell", "--", "cat", "/usr/share/tool/version"]
      let first = try Workshop.run(command, in: project, environment: LibrarySystem.environment)
      let locked = try SmallSystem.packages(FolderTree.readFile(project.appending(path: "cultivar.lock").path))
      let tool = try #require(locked.first { $0.name == "tool" })
      try Data("damage".utf8).write(to: Workshop.cache.appending(path: "archives/\(tool.file)"))
      // Another package, so that the stage is installed again.
      let layer = try project.text("layers/a/layer.yaml")
      try project.writing(layer.replacing("[tool]", with: "[tool, other]"), to: "layers/a/layer.yaml")
      let second = try Workshop.run(command, in: project, environment: LibrarySystem.environment)

      #expect(first.output == "1.0", "\(first.errors)")
      #expect(second.output == "1.0", "\(second.errors)")
    }
  }

  /// Returns a layer with a user that a package makes.
  private func user(_ keys: String) -> [String: String] {
    ["a": "requires: [debian-minimal]\npackages: [maker, passwd]\nusers: { made: { \(keys) } }"]
  }

  private let maker = LocalRepository.Package(
    name: "maker", version: "1.0", needs: "passwd",
    script: "useradd --system --uid 250 --home-dir /var/lib/made --create-home --shell /usr/sbin/nologin made")

  @Test("An account of a package gets its keys in its own home, and the project's shell and groups")
  func account() async throws {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFake me"
    try await withRepository([maker], user("shell: /bin/sh, groups: [adm], authorizedKeys: [\"\(key)\"]")) { project in
      let verdict = try Workshop.run(
        [
          "shell", "--", "sh", "-c",
          "getent passwd made; id -nG made; cat /var/lib/made/.ssh/authorized_keys; ls /home",
        ],
        in: project, environment: LibrarySystem.environment)

      #expect(verdict.status == 0, "\(verdict.errors)")
      #expect(verdict.output == "made:x:250:250::/var/lib/made:/bin/sh\nmade adm\n\(key)\n", "\(verdict.output)")
    }
  }

  @Test("A user ID that the account can no longer have is refused with its line")
  func number() async throws {
    try await withRepository([maker], user("uid: 251")) { project in
      let verdict = try Workshop.run(["build", "-q"], in: project, environment: LibrarySystem.environment)

      #expect(verdict.status == 1)
      #expect(
        verdict.errors.contains(": the user 'made' already exists and has the number 250, not 251"),
        "\(verdict.errors)")
    }
  }

  @Test(
    "After a build, private keys of packages are reported, explain knows them, and /etc/mailname has the image's name"
  )
  func built() async throws {
    let mailer = LocalRepository.Package(
      name: "mailer", version: "1.0", needs: "helper", script: "hostname > /etc/mailname")
    let layer = """
      requires: [debian-minimal]
      packages: [mailer, ssl-cert]
      """
    try await withRepository([mailer, .init(name: "helper", version: "2.0")], ["a": layer]) { project in
      let environment = LibrarySystem.environment
      let built = try Workshop.run(["build", "-q"], in: project, environment: environment)
      try #require(built.status == 0, "\(built.errors)")
      #expect(
        built.errors.contains(
          """
          cultivar: warning: the image contains private keys, which everyone with the image can read: /etc/ssl/private/ssl-cert-snakeoil.key
            remove them in a step, and let each device make its own keys at first boot

          """), "\(built.errors)")

      for (name, lines) in [
        "mailer": ["package mailer 1.0: no package of the image needs it"],
        "helper": ["package helper 2.0: needed by mailer"],
        "/usr/share/helper/version": [
          "file /usr/share/helper/version: package helper", "package helper 2.0: needed by mailer",
        ],
        "/etc/mailname": ["file /etc/mailname: "],
      ] {
        let explained = try Workshop.run(["explain", name], in: project, environment: environment)
        #expect(explained.status == 0, "\(explained.errors)")
        for line in lines { #expect(explained.output.contains("in the last build: \(line)"), "\(explained.output)") }
      }
      let unknown = try Workshop.run(["explain", "helpr"], in: project, environment: environment)
      #expect(unknown.status == 1)

      let mail = try Workshop.run(["shell", "--", "cat", "/etc/mailname"], in: project, environment: environment)
      #expect(mail.output == "box\n", "\(mail.output)\(mail.errors)")
    }
  }

  @Test("A layer's mail server name is kept")
  func mailName() async throws {
    let layer = "packages: [mailer]\nfiles: [{ path: /etc/mailname, content: \"mail.example.org\\n\" }]"
    let mailer = LocalRepository.Package(name: "mailer", version: "1.0", script: "hostname > /etc/mailname")
    try await withRepository([mailer], ["a": layer]) { project in
      let mail = try Workshop.run(
        ["shell", "--", "cat", "/etc/mailname"], in: project, environment: LibrarySystem.environment)

      #expect(mail.output == "mail.example.org\n", "\(mail.errors)")
    }
  }

  @Test("plymouth, which needs an initramfs program, is refused with this reason; the remedy works")
  func initialRAM() async throws {
    let environment = LibrarySystem.environment
    try await withRepository([], ["a": "requires: [debian-minimal]\npackages: [plymouth]"]) { project in
      let refused = try Workshop.run(["lock", "-q"], in: project, environment: environment)
      #expect(refused.status == 1)
      #expect(refused.errors.contains("the build makes the initial RAM file system of the image"), "\(refused.errors)")
      #expect(refused.errors.contains("packages: { remove: [cultivar-initramfs] }"), "\(refused.errors)")

      let layer = try project.text("layers/a/layer.yaml")
      try project.writing(
        layer.replacing("[plymouth]", with: "{ install: [plymouth], remove: [cultivar-initramfs] }"),
        to: "layers/a/layer.yaml")
      let made = try Workshop.run(["build", "-q"], in: project, environment: environment)
      #expect(made.status == 0, "\(made.errors)")
    }
  }
}
