import Foundation
import HostSystem
import TestFixtures
import Testing

@testable import Sandbox

@Suite("The sandbox", .enabled(if: Bench.canMount, "mounting needs root, or subordinate ids"))
struct SandboxTests {
  @Test("A program writes only to the upper layer")
  func upperLayer() async throws {
    try await Bench.with { bench in
      let (lower, upper) = (try bench.layer("lower"), try bench.layer("upper"))
      try lower.writing("kept", to: "kept")
      try lower.writing("old", to: "changed")
      try await bench.box.run(
        """
        cd \(Sandbox.treePath)
        printf new > changed
        printf made > made
        test "$(cat kept)" = kept
        """, root: .overlay(lower: [lower], upper: upper), place: .beside, to: "write")
      #expect(try FolderTree.names(in: upper.path) == ["changed", "made"])
      #expect(try lower.text("changed") == "old")
      #expect(try FolderTree.names(in: bench.folder.path) == ["layers"])
    }
  }

  @Test("Syncs in a tree have no effect, with and without lower layers", arguments: [0, 1])
  func noSync(layers: Int) async throws {
    try await Bench.with { bench in
      let lower = try (0..<layers).map { try bench.layer("lower \($0)") }
      let said = try await bench.box.run(
        "cat /proc/mounts", root: .overlay(lower: lower, upper: try bench.layer("upper")), place: .beside, to: "look")
      let mounts = said.split(separator: "\n").map { $0.split(separator: " ") }
      let tree = try #require(mounts.first { $0[1] == Sandbox.treePath })
      #expect(tree[2] == "overlay")
      // The option's names in newer and older kernels.
      #expect(tree[3].split(separator: ",").contains { $0 == "fsync=volatile" || $0 == "volatile" })
    }
  }

  @Test("Writes to a view are dropped")
  func view() async throws {
    try await Bench.with { bench in
      let system = try bench.system()
      let before = try bench.picture(of: system)
      try await bench.box.run("echo x > /file; rm /bin/wc; test -e /file", root: .view(lower: [system]), to: "write")
      #expect(try bench.picture(of: system) == before)
    }
  }

  @Test(
    "Without the network there is only the loopback interface",
    arguments: [Sandbox.Place.inside, .beside])
  func noNetwork(place: Sandbox.Place) async throws {
    try await Bench.with { bench in
      let root = Sandbox.Root.view(lower: [try bench.system()])
      let interfaces = "while IFS=: read -r name rest; do echo $name; done < /proc/net/dev"
      let apart = try await bench.box.run(interfaces, root: root, place: place, to: "look")
      let open = try await bench.box.run(interfaces, root: root, place: place, network: true, to: "look")
      let host = String(decoding: try FolderTree.readFile("/proc/net/dev"), as: UTF8.self)
      #expect(Self.interfaces(apart) == ["lo"])
      #expect(Self.interfaces(open) == Self.interfaces(host))
    }
  }

  @Test(
    "With the network a program uses the host's name servers, and the tree's own file stays unchanged",
    arguments: [nil, "../run/systemd/resolve/stub-resolv.conf", "/run/NetworkManager/resolv.conf", "a file"])
  func nameServers(own: String?) async throws {
    let host = String(decoding: try FolderTree.readFile("/etc/resolv.conf"), as: UTF8.self)
    try await Bench.with { bench in
      let system = try bench.system()
      let file = system.appending(path: "etc/resolv.conf")
      if let own {
        try FolderTree.create(system.appending(path: "etc").path)
        if own.contains("/") {
          try FolderTree.link(own, at: file.path)
        } else {
          try system.writing(own, to: "etc/resolv.conf")
        }
      }
      let before = try bench.picture(of: system)
      let upper = try bench.layer("upper")
      let seen = try await bench.box.run(
        "cat /etc/resolv.conf; echo done > /done", root: .overlay(lower: [system], upper: upper), network: true,
        to: "look")
      #expect(seen == host)
      #expect(try bench.picture(of: system) == before)
      #expect(!FileManager.default.fileExists(atPath: upper.appending(path: "etc/resolv.conf").path))
      await #expect(throws: CommandFailure.self) {
        try await bench.box.run(
          "cat /etc/resolv.conf; false", root: .overlay(lower: [system], upper: upper), network: true, to: "fail")
      }
    }
  }

  private static func interfaces(_ text: String) -> [String] {
    text.split(separator: "\n").compactMap { $0.split(whereSeparator: { ": ".contains($0) }).first.map(String.init) }
      .filter { !$0.hasPrefix("Inter") && $0 != "face" }.sorted()
  }

  @Test("The caller's umask has no effect: the root and new files have the usual modes")
  func umask() async throws {
    try await Bench.with { bench in
      let system = try bench.system()
      let script = "cd \(Sandbox.treePath); echo x > file; mkdir folder; stat -c %a . file folder"
      let output = try await bench.box.run(script, root: .view(lower: [system]), place: .beside, to: "write")
      #expect(output == "755\n644\n755\n")
    }
  }

  @Test("The caller's environment is hidden, and the given one is visible")
  func environment() async throws {
    setenv("CULTIVAR_TEST_TOKEN", "a secret of the caller", 1)
    defer { unsetenv("CULTIVAR_TEST_TOKEN") }
    try await Bench.with { bench in
      let output = try await bench.box.run(
        "env", root: .view(lower: [try bench.system()]), environment: ["GIVEN": "a 'word'\""], to: "look")
      let names = output.split(separator: "\n").map { $0.prefix { $0 != "=" } }
      #expect(Set(names).subtracting(["PWD", "OLDPWD", "SHLVL", "_"]) == ["PATH", "HOME", "LC_ALL", "TZ", "GIVEN"])
      #expect(output.contains("GIVEN=a 'word'\"\n"))
    }
  }

  @Test("A failed script is an error with its purpose, status and last output")
  func failure() async throws {
    try await Bench.with { bench in
      let system = try bench.system()
      let failure = await #expect(throws: CommandFailure.self) {
        _ = try await bench.box.run(
          "echo 'the disk is full' >&2; exit 7", root: .view(lower: [system]), to: "make the thing")
      }
      #expect(failure?.problem.hasPrefix("cannot make the thing: ") == true)
      #expect(failure?.problem.contains("cultivar-sandbox ended with exited(7)") == true)
      #expect(failure?.problem.hasSuffix("  | the disk is full") == true)
      #expect(try FolderTree.names(in: bench.folder.path) == ["layers"])
    }
  }

  @Test(
    "A cancelled build leaves no process, no mount and no scratch folder", arguments: [Sandbox.Place.inside, .beside])
  func cancellation(place: Sandbox.Place) async throws {
    try await Bench.with { bench in
      let upper = try bench.layer("upper")
      let root = Sandbox.Root.overlay(lower: [try bench.system()], upper: upper)
      let word = "123456.\(UInt16.random(in: 10_000...60_000))"
      let started = place == .inside ? "/started" : "\(Sandbox.treePath)/started"
      // One process that ignores the request to end, and one that has left its parent.
      let task = Task {
        try await bench.box.run(
          "trap '' TERM HUP; (sleep \(word) &) ; echo > \(started); sleep \(word)", root: root, place: place, to: "wait"
        )
      }
      let file = upper.appending(path: "started").path
      for _ in 0..<200 where !FileManager.default.fileExists(atPath: file) {
        try await Task.sleep(for: .milliseconds(50))
      }
      #expect(try Bench.processes(with: word).isEmpty == false)

      task.cancel()

      await #expect(throws: CancellationError.self) { try await task.value }
      // The kernel ends the namespace's other processes some time after the first one.
      for _ in 0..<40 where try !Bench.processes(with: word).isEmpty { try await Task.sleep(for: .milliseconds(50)) }
      #expect(try Bench.processes(with: word) == [])
      #expect(try bench.mounts() == [])
      #expect(try FolderTree.names(in: bench.folder.path) == ["layers"])
    }
  }

  @Test("The host has no mounts of a running sandbox")
  func privateMounts() async throws {
    try await Bench.with { bench in
      let upper = try bench.layer("upper")
      let root = Sandbox.Root.overlay(lower: [try bench.system()], upper: upper)
      let task = Task { try await bench.box.run("echo > /started; sleep 1", root: root, to: "wait") }
      let file = upper.appending(path: "started").path
      for _ in 0..<200 where !FileManager.default.fileExists(atPath: file) {
        try await Task.sleep(for: .milliseconds(20))
      }
      #expect(try bench.mounts() == [])
      _ = try await task.value
    }
  }

  @Test(
    "Folders with any name work",
    arguments: [
      "with space", "o'clock", "say \"hi\"", "a,b", "a:b", "$HOME `id`", "back\\slash", "colon\\:", "new\nline", "ü",
    ])
  func names(name: String) async throws {
    try await Bench.with(name) { bench in
      let upper = try bench.layer("upper")
      let seen = try bench.layer("seen, here: \(name)")
      try seen.writing("seen", to: "file")
      let output = try await bench.box.run(
        "cat '/run/in put/file'; echo made > /made; test ! -e /run/cultivar/old",
        root: .overlay(lower: [try bench.system()], upper: upper),
        bindings: [Sandbox.Binding(seen, at: "/run/in put")], to: "look")
      #expect(output == "seen")
      #expect(try upper.text("made") == "made\n")
    }
  }

  @Test("Sixty layers form one tree, in which the topmost has priority")
  func manyLayers() async throws {
    try await Bench.with("a folder with a rather long name, as caches have them in the homes of some people") { bench in
      var layers = [try bench.system()]
      for number in 1...60 {
        let layer = try bench.layer("\(number)")
        try layer.writing("\(number)", to: "same")
        try layer.writing("\(number)", to: "only-\(number)")
        layers.append(layer)
      }
      let output = try await bench.box.run(
        "cat /same; ls / | grep -c only-", root: .view(lower: layers.reversed()), to: "look")
      #expect(output == "6060\n")
    }
  }
}
