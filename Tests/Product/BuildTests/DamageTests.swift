import Foundation
import Glibc
import HostSystem
import TestFixtures
import Testing

@Suite("Mistakes in a project, as reported to the user", .enabled(if: Workshop.isReady, Workshop.condition))
struct DamageTests {
  @Test("An executable for another architecture")
  func otherArchitecture() async throws {
    try await Workshop.withProject { folder in
      try folder.writing(ELFSample.executable(machine: 183).bytes, to: "hello", mode: 0o755)
      let said = try Workshop.refusal(folder)
      #expect(
        said == """
          cultivar: error: cultivar.yaml:9:9: the program `hello` cannot run in this image: \(folder.path)/hello is for arm64, \
          but the image is for x86-64
            build it for the image's device class, or choose another device class

          """)
    }
  }

  @Test("A dynamic executable with missing libraries")
  func lackingLibraries() async throws {
    try await Workshop.withProject { folder in
      let sample = ELFSample.dynamic(needing: ["libfoo.so.1", "libc.so.6", "libbar.so.2"])
      try folder.writing(sample.bytes, to: "hello", mode: 0o755)
      let said = try Workshop.refusal(folder)
      #expect(
        said == """
          cultivar: error: /usr/lib/programs/hello (program hello) needs libfoo.so.1, libbar.so.2, \
          which are not in the image
            link the program statically, or take it from Debian packages (`debian: { packages: … }`)

          """)
    }
  }

  @Test("A file that is not executable, and a truncated one")
  func noExecutable() async throws {
    try await Workshop.withProject { folder in
      try folder.writing("hello\n", to: "hello", mode: 0o755)
      do {
        let said = try Workshop.refusal(folder)
        #expect(said.contains("/hello is neither an ELF executable nor a script\n"), "\(said)")
      }
      try folder.writing(Array(ELFSample().bytes.prefix(80)), to: "hello", mode: 0o755)
      do {
        let said = try Workshop.refusal(folder)
        #expect(said.contains("/hello is damaged: a header points to offset"), "\(said)")
      }
    }
  }

  @Test("A slot that is too small, with a sufficient size")
  func slotTooSmall() async throws {
    try await Workshop.withProject(image: "layout: { use: appliance-ab, slot: 16M }") { folder in
      let said = try Workshop.refusal(folder)
      let parts = said.split(separator: "\n")
      #expect(parts.first?.contains("the root file system does not fit into the slot: it needs ") == true, "\(said)")
      #expect(parts.first?.contains(" more than the available ") == true, "\(said)")

      let advice = try #require(said.split(separator: "`").dropFirst().first)
      #expect(advice.hasPrefix("slot: "))
      try Workshop.write(
        programs: [Workshop.Program.hello], image: "layout: { use: appliance-ab, \(advice) }", to: folder)
      _ = try Workshop.build(folder)
    }
  }

  @Test("An ext4 slot that its content fills completely")
  func ext4TooSmall() async throws {
    try await Workshop.withProject(image: "layout: { use: appliance-ab, root: ext4, slot: 32M }") { folder in
      do {
        let said = try Workshop.refusal(folder)
        #expect(said.contains("does not fit into the slot: it needs "), "\(said)")
      }
    }
    // The content alone would fit, but not with the file system's own tables.
    try await Workshop.withProject(
      image: "layout: { use: appliance-ab, root: ext4, slot: 128M }\nfiles:\n  - { source: ./large, path: /large }"
    ) { folder in
      // The message for a file that is far too large tells the size of the rest.
      try folder.writing([UInt8](repeating: 1, count: 200 << 20), to: "large")
      let told = try #require(try Workshop.refusal(folder).firstMatch(of: /needs ([0-9.]+) MiB/)?.output.1)
      let rest = Int((try #require(Double(told)) - 200 + 0.1) * Double(1 << 20))
      let room = (128 << 20) - rest - (256 << 10)
      try #require(room > 0, "what an appliance has besides takes \(rest) bytes")
      try folder.writing([UInt8](repeating: 1, count: room), to: "large")
      let said = try Workshop.refusal(folder)
      #expect(said.contains("the root file system does not fit into the slot"), "\(said)")
    }
  }

  @Test("An unknown kernel module, with the nearest name")
  func unknownModule() async throws {
    try await Workshop.withProject(image: "kernel: { modules: [virtio_ent] }") { folder in
      let said = try Workshop.refusal(folder)
      #expect(said.contains("has no module 'virtio_ent'\n"), "\(said)")
      #expect(said.hasSuffix("\n  did you mean 'virtio_net'?\n"), "\(said)")
    }
  }

  @Test("Two files with the same path")
  func nameClash() async throws {
    let programs = ["executable: ./hello\nfiles: [{ source: ./a, path: /etc/app/app.conf }]"]
    try await Workshop.withProject(programs: programs, image: "files: [{ source: ./b, path: /etc/app }]") {
      folder in
      try folder.writing("a", to: "a")
      try folder.writing("b", to: "b/app.conf")
      let said = try Workshop.refusal(folder)
      #expect(
        said == """
          cultivar: error: program hello and the project's files both contain /etc/app/app.conf, with different content
            give one of them another path or name, or remove it

          """)
    }
  }

  @Test(
    "An unknown time zone",
    arguments: [
      ("Europe/Berlim", "the time zone database has no `Europe/Berlim`\n  did you mean `Europe/Berlin`?\n"),
      ("Europe", "the time zone database has no `Europe`\n"),
    ])
  func unknownTimeZone(name: String, message: String) async throws {
    try await Workshop.withProject(image: "timezone: \(name)") { folder in
      do {
        let said = try Workshop.refusal(folder)
        #expect(said.hasPrefix("cultivar: error: \(message)"), "\(said)")
      }
    }
  }

  @Test("An unknown Debian package or suite")
  func unknownPackage() async throws {
    try await Workshop.withProject(programs: ["debian: { packages: [no-such-package], executable: /usr/bin/x }"]) {
      folder in
      let said = try Workshop.refusal(folder)
      #expect(said.contains("cannot find no-such-package in trixie for amd64\n"), "\(said)")
      #expect(said.contains("Unable to locate package no-such-package"))
      #expect(said.contains("check the spelling, and that the suite has the package"))
    }
    try await Workshop.withProject(project: "debian: { suite: nosuchsuite }") { folder in
      let said = try Workshop.refusal(folder)
      #expect(said.contains("has no suite 'nosuchsuite'\n"), "\(said)")
    }
  }

  @Test("A package without the executable, with similar ones")
  func noExecutableInPackage() async throws {
    try await Workshop.withProject(programs: ["debian: { packages: [curl], executable: /usr/sbin/curl }"]) { folder in
      let said = try Workshop.refusal(folder)
      #expect(
        said == """
          cultivar: error: cultivar.yaml:9:9: the packages of the program `curl` have no executable /usr/sbin/curl
            they have /usr/bin/curl

          """)
    }
  }

  @Test("A damaged lock file, or one with another content for a package")
  func lockFile() async throws {
    try await Workshop.withProject { folder in
      let good = try folder.text("cultivar.lock")
      try folder.writing("{ \"cultivarLock\": 1", to: "cultivar.lock")
      let said = try Workshop.refusal(folder)
      #expect(
        said.hasPrefix("cultivar: error: cannot read the lock file \(folder.path)/cultivar.lock: it is not a lock file")
      )
      #expect(said.contains("restore it from version control"))

      let row = try #require(good.split(separator: "\n").first { $0.contains("\"sha256\"") })
      let other = "      \"sha256\" : \"\(String(repeating: "0", count: 64))\","
      try folder.writing(good.replacing(row, with: other), to: "cultivar.lock")
      let refused = try Workshop.refusal(folder)
      #expect(refused.hasPrefix("cultivar: error: cannot fetch "), "\(refused)")
      #expect(refused.contains("Hash"), "\(refused)")
      #expect(refused.contains("cultivar lock --update"))
    }
  }

  @Test("A missing toolchain")
  func noToolchain() async throws {
    let programs = ["go: { module: ./go }", "cargo: { package: ./rust }", "swift: { package: ./swift, product: app }"]
    for (program, tool) in zip(programs, ["go", "cargo", "swift"]) {
      try await Workshop.withProject(programs: [program]) { folder in
        try folder.writing("module example.org/go\n", to: "go/go.mod")
        try folder.writing("[package]\nname = \"rust\"\nversion = \"1.0.0\"\n", to: "rust/Cargo.toml")
        try folder.writing("", to: "swift/Package.swift")
        let path = folder.appending(path: "bin")
        try FolderTree.create(path.path)
        for name in ["sh", "apt-cache", "apt-get", "cp", "dpkg-deb", "find", "flock", "nice", "rm", "tar", "xz"] {
          try FileManager.default.createSymbolicLink(
            atPath: path.appending(path: name).path, withDestinationPath: "/usr/bin/\(name)")
        }
        let said = try Workshop.refusal(folder, environment: ["PATH": path.path])
        #expect(said.contains("there is no program \(tool), which is needed to build programs in "), "\(said)")
      }
    }
  }

  @Test("No device executable")
  func noDeviceExecutable() async throws {
    try await Workshop.withProject { folder in
      let said = try Workshop.refusal(folder, environment: ["CULTIVAR_DEVICE_EXECUTABLES": folder.path])
      #expect(
        said.hasPrefix(
          "cultivar: error: cannot find the device executable for x86-64 at \(folder.path)/x86_64/cultivar-device, "
        ))
      #expect(said.hasSuffix("\n  build it with `make`, or name it with CULTIVAR_DEVICE_EXECUTABLES\n"))
    }
  }
}
