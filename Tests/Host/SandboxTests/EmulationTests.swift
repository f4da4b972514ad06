import Foundation
import HostSystem
import TestFixtures
import Testing

@testable import Sandbox

@Suite("Programs of another architecture")
struct EmulationTests {
  /// An architecture other than the host's.
  private static let foreign: Sandbox.Emulation.Target = Architecture.host == .amd64 ? .arm64 : .amd64
  private static let canEmulate = Bench.canMount && Sandbox.Emulation.isPrivate

  /// Makes a bench with an emulator that prints its arguments. Its program is only an ELF header.
  private static func with(_ body: (_ box: Sandbox, _ bench: Bench, _ system: URL) async throws -> Void) async throws {
    try await Bench.with("a bench") { bench in
      let system = try bench.system()
      var header = [UInt8](repeating: 0, count: 64)
      header.replaceSubrange(0..<7, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
      header[16] = 3
      header[18] = foreign == .arm64 ? 0xb7 : 0x3e
      try system.writing(header, to: "bin/stranger", mode: 0o755)
      try bench.folder.writing("#!/bin/sh\nshift\necho \"emulated: $*\"\n", to: "emulator", mode: 0o755)
      let emulation = Sandbox.Emulation(of: foreign, by: bench.folder.appending(path: "emulator"))
      try await body(try Sandbox(scratch: bench.folder, emulation: emulation), bench, system)
    }
  }

  @Test("The emulator runs them under their own names, and none is registered on the host", .enabled(if: canEmulate))
  func emulator() async throws {
    try await Self.with { box, _, system in
      let said = try await box.run("/bin/stranger one two", root: .view(lower: [system]), to: "run a program")
      #expect(said == "emulated: /bin/stranger one two\n")
      let registered = (try? FolderTree.names(in: "/proc/sys/fs/binfmt_misc")) ?? []
      #expect(!registered.contains { $0.hasPrefix("cultivar") })
    }
  }

  @Test("Without an emulator there is an error", .enabled(if: canEmulate))
  func noEmulator() async throws {
    try await Self.with { _, bench, system in
      await #expect(throws: CommandFailure.self) {
        try await bench.box.run("/bin/stranger", root: .view(lower: [system]), to: "run a program")
      }
    }
  }

  @Test("The layer is the same as in any other sandbox", .enabled(if: canEmulate))
  func layer() async throws {
    try await Self.with { box, bench, system in
      let script = """
        echo more > /more; chown 7:8 /more; chmod 4755 /more
        rm /bin/wc; rm -r /etc; mkdir /etc; echo new > /etc/name
        """
      try system.writing("old", to: "etc/name")
      var pictures: [[String]] = []
      for (name, box) in [("plain", bench.box), ("emulated", box)] {
        let upper = try bench.layer(name)
        try await box.run(script, root: .overlay(lower: [system], upper: upper), to: "write")
        pictures.append(try bench.picture(of: upper))
        let seen = try await bench.box.run(
          "ls -A /etc; cat /etc/name; test ! -e /bin/wc; id -u", root: .view(lower: [upper, system]), to: "look")
        #expect(seen == "name\nnew\n0\n")
      }
      #expect(pictures[0] == pictures[1])
    }
  }

  @Test("The exit status of a program is reported", .enabled(if: canEmulate))
  func status() async throws {
    try await Self.with { box, _, system in
      let failure = await #expect(throws: CommandFailure.self) {
        try await box.run("echo reason >&2; exit 7", root: .view(lower: [system]), to: "fail")
      }
      guard case .failed(let status, let said) = failure?.outcome else { return }
      #expect(status.contains("7"))
      #expect(said.contains("reason"))
    }
  }

  @Test("A native twin replaces a program, and leaves no files behind", .enabled(if: canEmulate))
  func twins() async throws {
    try await Self.with { box, bench, system in
      let (tree, ground) = (try bench.layer("twins"), try bench.layer("ground"))
      try tree.writing("#!/bin/sh\necho twin of $0: $(cat /usr/share/need)\n", to: "bin/stranger", mode: 0o755)
      try tree.writing("support", to: "usr/share/need")
      try ground.writing("", to: "usr/share/need")
      let twins = Sandbox.Twins(
        ground: ground,
        mounts: .init(
          tree: tree.path, support: [.init(twin: "/usr/share/need", path: "/usr/share/need")],
          programs: [
            .init(twin: "/bin/stranger", path: "/bin/stranger"), .init(twin: "/bin/stranger", path: "/bin/nowhere"),
            .init(twin: "/bin/stranger", path: "/bin/ls"),
          ]))
      let upper = try bench.layer("upper")
      let said = try await box.run(
        """
        stranger
        ! chmod 4755 /bin/stranger 2>/dev/null
        ! test -e /bin/nowhere
        test -L /bin/ls && ls / > /listing
        """, root: .overlay(lower: [system], upper: upper), twins: twins, to: "run a twin")
      #expect(said == "twin of /bin/stranger: support\n")
      let places = ["dev", "proc", "run", "sys", "tmp"]
      #expect(try FolderTree.names(in: upper.path).filter { !places.contains($0) } == ["listing"])
      #expect(try FolderTree.readFile(system.appending(path: "bin/stranger").path).count == 64)
    }
  }

  @Test("The registration line has the format of binfmt_misc")
  func registration() {
    let line = Sandbox.Emulation(of: .arm64, by: URL(fileURLWithPath: "/e")).registration(path: "emulator")
    let zeros = String(repeating: "\\x00", count: 9)
    let ones = String(repeating: "\\xff", count: 8)
    #expect(
      line == ":cultivar-arm64:M::\\x7f\\x45\\x4c\\x46\\x02\\x01\\x01\(zeros)\\x02\\x00\\xb7\\x00"
        + ":\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\(ones)\\xfe\\xff\\xff\\xff:emulator:PF")
  }

  @Test(
    "Linux 6.7 and later have a separate table for each namespace",
    arguments: [
      ("6.7.0", true), ("6.12.43+deb13-amd64", true), ("7.0.1", true), ("6.6.99", false), ("6.1.0-44-amd64", false),
      ("5.10.0", false), ("strange", false),
    ])
  func kernel(release: String, isPrivate: Bool) {
    #expect(Sandbox.Emulation.isPrivate(release: release) == isPrivate)
  }

  @Test("The host's registration is used if it needs no file of the tree")
  func registered() async throws {
    let magic = "magic 7f454c460201010000000000000000000200b700"
    let text = { (state: String, flags: String, magic: String) in
      "\(state)\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: \(flags)\noffset 0\n\(magic)\nmask ff\n"
    }
    for (content, isThere) in [
      (text("enabled", "POF", magic), true), (text("enabled", "PO", magic), false),
      (text("disabled", "POF", magic), false), (text("enabled", "POF", "magic 7f45"), false),
    ] {
      try await withTemporaryFolder { host in
        try host.writing(content, to: "proc/sys/fs/binfmt_misc/qemu-aarch64")
        let emulation = Sandbox.Emulation(of: .arm64, by: URL(fileURLWithPath: "/e"))
        #expect(emulation.isRegistered(on: host) == isThere)
      }
    }
  }
}
