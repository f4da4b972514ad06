import Foundation
import Glibc
import HostSystem
import TestFixtures
import Testing

@Suite("Interrupted builds of systems", .enabled(if: Workshop.isReady, Workshop.condition))
struct SystemTroubleTests {
  @Test("After a network failure, Ctrl-C and SIGKILL, each build resumes and gives the same bytes")
  func resumed() async throws {
    try await withTemporaryFolder { folder in
      let project = folder.appending(path: "project")
      try await SmallSystem.write(to: project)
      let build = Build(project: project, cache: folder.appending(path: "cache"))
      try FolderTree.create(build.cache.path)
      try await loseNetwork(build, in: folder)
      try await end(build, by: SIGINT, in: "install the essential packages")
      try await end(build, by: SIGKILL, in: "packages of kernel")

      let verdict = try Workshop.run(["build"], in: project, environment: build.environment)

      try #require(verdict.status == 0, "\(verdict.errors)")
      // The essential packages were complete.
      #expect(!verdict.errors.contains("install the essential packages"), "\(verdict.errors)")
      #expect(try FolderTree.names(in: build.cache.appending(path: "scratch").path) == [])
      try SmallSystem.expectSameAsEver(project)
    }
  }

  /// A build with its own cache.
  private struct Build {
    var project: URL
    var cache: URL

    var environment: [String: String?] { SmallSystem.environment.merging(["CULTIVAR_CACHE": cache.path]) { $1 } }
  }

  /// Builds with a mirror that stops answering.
  private func loseNetwork(_ build: Build, in folder: URL) async throws {
    let server = try LoopbackServer(in: folder.appending(path: "mirror"))
    let packages = try SmallSystem.packages(try await SmallSystem.lock.value)
    for package in packages {
      let place = server.site.appending(path: "\(package.archive.rawValue)/\(package.path)")
      try FolderTree.create(place.deletingLastPathComponent().path)
      let archive = Workshop.cache.appending(path: "archives/\(package.file)").path
      try #require(symlink(archive, place.path) == 0)
    }
    let environment = build.environment.merging([
      "CULTIVAR_DEBIAN_MIRROR": "\(server.url)/main", "CULTIVAR_DEBIAN_SECURITY_MIRROR": "\(server.url)/security",
    ]) { $1 }
    try server.restart(answering: 30)

    let cut = try Workshop.run(["build", "--quiet"], in: build.project, environment: environment)

    #expect(cut.status == 1)
    #expect(cut.errors.hasPrefix("cultivar: error: cannot fetch "), "\(cut.errors)")
    #expect(cut.errors.contains("\n  check the network; "), "\(cut.errors)")
    #expect(!FileManager.default.fileExists(atPath: build.project.appending(path: "build").path))
    let kept = try FolderTree.names(in: build.cache.appending(path: "archives").path).filter { $0.hasSuffix(".deb") }
    // Data in transit when the connection ended is lost.
    #expect((1...30).contains(kept.count), "\(kept.count)")

    try server.restart()
    // Nothing is built. Once the archives are there, the test continues without the mirror.
    let rest = try Running(Workshop.tool, ["build"], in: build.project, environment: environment)
    while rest.isRunning, try !rest.errors().contains("done: fetch the essential packages") { usleep(20_000) }
    kill(rest.id, SIGINT)
    _ = try rest.wait()

    let requests = try server.requests().map { $0.split(separator: "/").last.map(String.init) ?? "" }
    let before = packages.filter { kept.contains($0.file) }.compactMap { $0.path.split(separator: "/").last }
    #expect(Set(requests).isDisjoint(with: before.map(String.init)))
    #expect(Set(requests).count == requests.count)
    try await SmallSystem.addArchives(to: build.cache)
  }

  /// Ends a build while packages are being installed.
  private func end(_ build: Build, by signal: Int32, in step: String) async throws {
    let running = try Running(Workshop.tool, ["build"], in: build.project, environment: build.environment)
    while running.isRunning, try !isInstalling(build.cache, step) { usleep(2000) }
    #expect(running.isRunning)
    #expect(kill(running.id, signal) == 0)
    let verdict = try running.wait()

    #expect(verdict.status == (signal == SIGINT ? 130 : -signal))
    if signal == SIGINT {
      #expect(verdict.errors.hasSuffix("cultivar: interrupted; nothing is left behind\n"), "\(verdict.errors)")
      #expect(try FolderTree.names(in: build.cache.appending(path: "scratch").path) == [])
    }
    #expect(!FileManager.default.fileExists(atPath: build.project.appending(path: "build").path))
    // Killed processes take a moment to disappear on a busy machine.
    for _ in 0..<100 where try !Processes.naming(build.cache.path).isEmpty { usleep(100_000) }
    #expect(try Processes.naming(build.cache.path) == [])
    let mounts = String(decoding: try FolderTree.readFile("/proc/self/mountinfo"), as: UTF8.self)
    #expect(!mounts.contains(build.cache.path))
  }

  /// Returns true while packages are being installed: the plan of the installation lists their archives.
  private func isInstalling(_ cache: URL, _ step: String) throws -> Bool {
    let scratch = cache.appending(path: "scratch").path
    let archive = step == "packages of kernel" ? "linux-image-" : "base-passwd"
    // Each folder of the list may be removed at any time.
    guard let folders = try? FolderTree.names(in: scratch) else { return false }
    return folders.contains { folder in
      guard let plan = try? FolderTree.readFile("\(scratch)/\(folder)/plan") else { return false }
      return String(decoding: plan, as: UTF8.self).contains(archive)
    }
  }

  @Test(
    "A full disk for the cache, and then for the artefacts, is named; with more space the same build continues",
    .enabled(if: geteuid() == 0))
  func fullDisk() async throws {
    try await withTemporaryFolder { folder in
      try await SmallSystem.write(to: folder)
      let filled = folder.appending(path: "filled")
      try await SmallSystem.addArchives(to: filled)
      // The mounts are in the shell's own namespace, and end with it.
      let script = """
        mkdir cache out
        mount -t tmpfs -o size=280m none cache
        mount -t tmpfs -o size=64m none out
        cp -r filled/archives cache
        # While packages are installed, and while the root's archive is written.
        for size in 280m 330m; do
          mount -o remount,size=$size cache
          "$0" build --quiet --output out || echo "status $?"
          echo "--" >&2
          find out cache/scratch -mindepth 1
        done
        mount -o remount,size=4g cache
        "$0" build --quiet --output out || echo "status $?"
        echo "--" >&2
        find out cache/scratch -mindepth 1 -name '*.img*'
        mount -o remount,size=4g out
        "$0" build --quiet --output out || echo "status $?"
        mkdir build
        cp -r --sparse=always out/box build
        """
      let verdict = try Judge("unshare").run(
        ["--mount", "--propagation", "private", "sh", "-ec", script, Workshop.tool.path], in: folder,
        environment: SmallSystem.environment.merging(["CULTIVAR_CACHE": folder.appending(path: "cache").path]) { $1 })

      #expect(verdict.output == "status 1\nstatus 1\nstatus 1\n")
      let said = verdict.errors.components(separatedBy: "--\n")
      let remedy = ": No space left on device\n  free some space, or choose another place"
      for text in said.prefix(2) {
        #expect(text.contains(remedy), "\(verdict.errors)")
      }
      #expect(said[2].contains("\(folder.path)/out/box/box.img"), "\(verdict.errors)")
      #expect(said[2].contains(remedy), "\(verdict.errors)")
      try SmallSystem.expectSameAsEver(folder)
    }
  }
}
