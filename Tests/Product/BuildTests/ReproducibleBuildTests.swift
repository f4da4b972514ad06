import Foundation
import Glibc
import Hashing
import HostSystem
import TestFixtures
import Testing

@Suite("Builds depend only on their inputs", .enabled(if: Workshop.isReady, Workshop.condition))
struct ReproducibleBuildTests {
  private static let files = "files:\n  - { source: ./etc, path: /etc/app }"

  /// Writes the files of the project in the given order.
  private func writeFiles(_ names: [String], to folder: URL) throws {
    for name in names { try folder.writing("content of \(name)", to: "etc/\(name)") }
  }

  @Test("Another folder, cache, user, umask, file order and time give the same bytes")
  func identical() async throws {
    try await Workshop.withProject(programs: [Workshop.Program.hello, Workshop.Program.curl], image: Self.files) {
      folder in
      try writeFiles(["a", "b", "c"], to: folder)
      let first = try Workshop.build(folder)

      try await Workshop.withProject(programs: [Workshop.Program.hello, Workshop.Program.curl], image: Self.files) {
        folder in
        try writeFiles(["c", "b", "a"], to: folder)
        let project = folder.appending(path: "deeper/in")
        try FolderTree.create(project.path)
        for name in ["cultivar.yaml", "cultivar.lock", "hello", "etc"] {
          try FileManager.default.moveItem(at: folder.appending(path: name), to: project.appending(path: name))
        }
        // The archives are copied, to spare the mirror. Everything is unpacked and made again.
        let cache = folder.appending(path: "cache")
        try Workshop.copyArchives(to: cache)
        var command = ["-c", "umask 077; exec \"$0\" build --quiet", Workshop.tool.path]
        var program = URL(fileURLWithPath: "/bin/sh")
        if geteuid() == 0 {
          try Judge("chown").run(["-R", "65534:65534", folder.path])
          command = ["--reuid=65534", "--regid=65534", "--clear-groups", program.path] + command
          program = URL(fileURLWithPath: "/usr/bin/setpriv")
        }
        let verdict = try Judge(at: program).run(
          command, in: project, environment: ["CULTIVAR_CACHE": cache.path, "HOME": folder.path])
        try #require(verdict.status == 0, "\(verdict.errors)")

        let second = try BuiltImage(project.appending(path: "build/box"))
        let comparison = try Judge("cmp").run([first.file.path, second.file.path])
        #expect(comparison.status == 0, "\(comparison.output)")
        #expect(try first.folder.text("manifest.json") == second.folder.text("manifest.json"))
      }
    }
  }

  @Test("Without changes the image is not written again, except if it was modified")
  func unchanged() async throws {
    try await Workshop.withProject { folder in
      let image = try Workshop.build(folder)
      let (stamp, hash) = (image.stamp(), try image.hash())
      _ = try Workshop.build(folder)
      #expect(image.stamp() == stamp)

      let handle = try FileHandle(forWritingTo: image.file)
      try handle.seek(toOffset: 1 << 20)
      try handle.write(contentsOf: Data("damage".utf8))
      try handle.close()
      _ = try Workshop.build(folder)
      #expect(try image.hash() == hash)
    }
  }

  @Test("A changed program changes the root file system, but not the boot partition or the data partition")
  func changedProgram() async throws {
    try await Workshop.withProject { folder in
      let image = try Workshop.build(folder)
      func hashes() throws -> [String: Digest] {
        var hashes: [String: Digest] = [:]
        for name in ["boot", "root-a", "data"] {
          hashes[name] = try Digest(ofFile: image.partition(name, to: folder).path)
        }
        return hashes
      }
      let before = try hashes()
      try folder.writing(Array(Data(contentsOf: folder.appending(path: "hello"))) + [0], to: "hello", mode: 0o755)
      _ = try Workshop.build(folder)
      let after = try hashes()

      #expect(before["boot"] == after["boot"])
      #expect(before["data"] == after["data"])
      #expect(before["root-a"] != after["root-a"])
    }
  }

  @Test("SOURCE_DATE_EPOCH is the time of all files in the image")
  func sourceDateEpoch() async throws {
    try await Workshop.withProject { folder in
      let image = try Workshop.build(folder, environment: ["SOURCE_DATE_EPOCH": "1000000000"])
      #expect(image.manifest.epoch == 1_000_000_000)
      let root = try image.partition("root-a", to: folder).path
      let verdict = try Judge("dump.erofs").run(["--path=/etc/hostname", root], environment: ["TZ": "UTC"])
      #expect(verdict.output.contains("2001-09-09 01:46:40"), "\(verdict.output)")
    }
  }

  @Test("An invalid SOURCE_DATE_EPOCH is an error")
  func damagedEpoch() async throws {
    try await Workshop.withProject { folder in
      let said = try Workshop.refusal(folder, environment: ["SOURCE_DATE_EPOCH": "yesterday"])
      #expect(said.hasPrefix("cultivar: error: SOURCE_DATE_EPOCH is `yesterday`, which is not a number of seconds\n"))
    }
  }
}
