import Foundation
import Glibc
import Hashing
import HostSystem
import TestFixtures
import Testing

/// Processes of the machine.
enum Processes {
  /// Returns the processes whose command line contains a path.
  static func naming(_ path: String) throws -> [String] {
    try FolderTree.names(in: "/proc").filter { Int($0) != nil && Int32($0) != getpid() }.compactMap { id in
      guard let bytes = try? FolderTree.readFile("/proc/\(id)/cmdline") else { return nil }
      let words = String(decoding: bytes, as: UTF8.self).replacing("\0", with: " ")
      return words.contains(path) ? words : nil
    }
  }
}

@Suite("Builds that are interrupted, or run at the same time", .enabled(if: Workshop.isReady, Workshop.condition))
struct InterruptionTests {
  @Test(
    "SIGINT and SIGTERM leave no scratch folder, no partial image and no process", arguments: [SIGINT, SIGTERM])
  func interrupted(signal: Int32) async throws {
    try await Workshop.withProject { folder in
      let cache = folder.appending(path: "cache")
      try Workshop.copyArchives(to: cache)
      let build = try Running(
        Workshop.tool, ["build"], in: folder, environment: ["CULTIVAR_CACHE": cache.path])
      // The step after this one takes seconds.
      while build.isRunning, try !build.errors().contains("fetch the kernel") { usleep(20_000) }
      #expect(kill(build.id, signal) == 0)
      let verdict = try build.wait()

      #expect(verdict.status == 130)
      #expect(verdict.errors.hasSuffix("cultivar: interrupted; nothing is left behind\n"), "\(verdict.errors)")
      #expect(try FolderTree.names(in: cache.appending(path: "scratch").path) == [])
      #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "build").path))
      // Killed processes take a moment to disappear on a busy machine.
      for _ in 0..<50 where try !Processes.naming(cache.path).isEmpty { usleep(100_000) }
      #expect(try Processes.naming(cache.path) == [])
    }
  }

  @Test("Two projects build in one empty cache at the same time")
  func concurrent() async throws {
    try await withTemporaryFolder { cache in
      try Workshop.copyArchives(to: cache)
      let hashes = try await withThrowingTaskGroup(of: Digest.self) { group in
        for _ in 0..<2 {
          group.addTask {
            try await Workshop.withProject { folder in
              try Workshop.build(folder, environment: ["CULTIVAR_CACHE": cache.path]).hash()
            }
          }
        }
        return try await group.reduce(into: Set<Digest>()) { $0.insert($1) }
      }
      #expect(hashes.count == 1)
      #expect(try FolderTree.names(in: cache.appending(path: "scratch").path) == [])
    }
  }

  @Test(
    "A cleanup of scratch folders does not reach into mounts, of the same or another file system",
    .enabled(if: geteuid() == 0))
  func mounts() async throws {
    try await Workshop.withProject { folder in
      // The mounts are in the shell's own namespace, and end with it.
      let script = """
        mkdir -p canary cache/scratch/dead/other cache/scratch/dead/same cache/scratch/gone
        echo precious > canary/file
        mount -t tmpfs none cache/scratch/dead/other
        echo precious > cache/scratch/dead/other/file
        mount --bind canary cache/scratch/dead/same
        CULTIVAR_CACHE=$PWD/cache "$0" build none || true
        cat cache/scratch/dead/other/file canary/file
        ls cache/scratch
        """
      let verdict = try Judge("unshare").run(
        ["--mount", "--propagation", "private", "sh", "-ec", script, Workshop.tool.path], in: folder)
      #expect(verdict.output == "precious\nprecious\ndead\n", "\(verdict.errors)")
      #expect(verdict.errors.contains("the project has no image `none`"))
    }
  }

  @Test("A full disk for the artefacts is named, and the old image stays", .enabled(if: geteuid() == 0))
  func fullDisk() async throws {
    try await Workshop.withProject { folder in
      _ = try Workshop.build(folder)
      let script = """
        mkdir out
        mount -t tmpfs -o size=8m none out
        "$0" build --quiet --output out || echo "status $?"
        find out -type f
        """
      let verdict = try Judge("unshare").run(
        ["--mount", "--propagation", "private", "sh", "-ec", script, Workshop.tool.path], in: folder)
      #expect(
        verdict.errors.contains("No space left on device\n  free some space, or choose another place"),
        "\(verdict.errors)")
      #expect(verdict.output.hasPrefix("status 1\n"))
      #expect(!verdict.output.contains(".img"))
    }
  }
}
