import Foundation
import Glibc
import HostSystem
import TestFixtures
import Testing

@Suite("Impossible builds are refused at once", .enabled(if: Workshop.isReady, Workshop.condition))
struct RefusalTests {
  /// A project that cannot be built, at all or on this machine.
  struct Obstacle: Sendable, CustomTestStringConvertible {
    var name: String
    var image = "layers: [debian-minimal]"
    var environment: [String: String] = [:]
    /// True if the user has no range of subordinate IDs.
    var withoutRange = false
    var said: String
    var testDescription: String { name }
  }

  @Test(
    "Within a second, with a remedy, and without a request to the archive",
    arguments: [
      Obstacle(
        name: "a layer that is not there", image: "layers: [debian-minimal, openssh-sever]",
        said: "openssh-sever"),
      Obstacle(
        name: "a variable without a value", image: "layers: [admin]", said: "authorized-keys"),
      Obstacle(
        name: "a slot that no system fits",
        image: "layers: [debian-minimal]\nlayout: { use: appliance-ab, slot: 31M }",
        said: "at least 32M"),
      Obstacle(
        name: "a device without a boot loader", image: "layers: [debian-minimal]\ndevice: generic-riscv64",
        said: "generic-x86_64"),
      Obstacle(
        name: "no device executable", environment: ["CULTIVAR_DEVICE_EXECUTABLES": "/nonexistent"],
        said: "\n  build it with `make`, or name it with CULTIVAR_DEVICE_EXECUTABLES"),
      Obstacle(
        name: "no APT", environment: ["PATH": "/nonexistent"],
        said: "there is no program apt-get, which is needed to resolve packages\n"),
      Obstacle(
        name: "a user without subordinate ids", withoutRange: true,
        said: "has no range of 65,536 ids in /etc/subuid\n  add a range: `usermod --add-subuids "),
    ])
  func refused(obstacle: Obstacle) async throws {
    guard !obstacle.withoutRange || OtherUser.isPossible else { return }
    try await withTemporaryFolder { folder in
      let server = try LoopbackServer(in: folder.appending(path: "mirror"))
      let home = folder.appending(path: "home")
      try write(obstacle.image, to: home)
      let environment = LibrarySystem.environment.merging([
        "CULTIVAR_CACHE": home.appending(path: "cache").path, "CULTIVAR_DEBIAN_MIRROR": "\(server.url)/debian",
        "CULTIVAR_DEBIAN_SECURITY_MIRROR": "\(server.url)/security",
      ]) { $1 }.merging(obstacle.environment) { $1 }
      #expect(chmod(folder.path, 0o755) == 0)
      for command in ["plan", "build"] {
        // Other tests keep the machine busy, so only one of a few runs has to be fast enough.
        var fastest = Duration.seconds(60)
        for _ in 0..<5 where fastest >= .seconds(1) {
          let begin = ContinuousClock.now
          let verdict =
            obstacle.withoutRange
            ? try OtherUser(home: home, files: folder, hasRange: false).run(
              Workshop.tool, [command], environment: environment)
            : try Workshop.run([command], in: home, environment: environment)
          fastest = min(fastest, ContinuousClock.now - begin)
          #expect(verdict.status == 1)
          #expect(verdict.errors.contains(obstacle.said), "\(verdict.errors)")
        }
        #expect(fastest < .seconds(1))
      }
      #expect(try server.requests() == [])
      #expect(!FileManager.default.fileExists(atPath: home.appending(path: "build").path))
    }
  }

  private func write(_ image: String, to folder: URL) throws {
    var rows = ["cultivar: 1", "name: refused", "images:", "  box:"]
    if !image.contains("device:") { rows.append("    device: generic-x86_64") }
    if !image.contains("layout:") { rows.append("    layout: system-ab") }
    rows += image.split(separator: "\n").map { "    \($0)" }
    try folder.writing(rows.joined(separator: "\n") + "\n", to: "cultivar.yaml")
  }
}
