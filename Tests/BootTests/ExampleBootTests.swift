import Emulator
import Foundation
import HostSystem
import ImageBuild
import Lock
import Project
import Testing

extension Machines {
  /// Boots of the projects in `examples/` that are systems.
  @Suite
  struct ExampleBootTests {
    @Test("the slim Debian comes up with no failed unit, and lets its user in on the serial console")
    func slim() async throws {
      let hash = try await HostCommand("openssl", ["passwd", "-6", "-salt", "slim", "a test"], to: "hash").run()
      let image = try await Self.image(
        "slim", environment: ["SLIM_PASSWORD_HASH": hash.trimmingCharacters(in: .newlines)])
      let disk = try await BootFixture.shared.disk(from: image)
      let machine = VirtualMachine(disk: disk, firmware: .bios)
      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        try await machine.wait(for: "slim login: ", seconds: 400)
        try await machine.type("admin")
        try await machine.wait(for: "Password: ", seconds: 60)
        try await machine.type("a test")
        try await machine.wait(for: "admin@slim", seconds: 120)
        try await machine.type("echo state: $(systemctl is-system-running --wait)")
        try await machine.wait(for: "state: running\n", seconds: 200)
      }
    }

    /// The image of an example. Its project is copied: what a build writes into the folder stays out of the checkout.
    static func image(_ name: String, environment given: [String: String]) async throws -> URL {
      let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
      let project = try await BootFixture.shared.newFolder().appending(path: name)
      try FileManager.default.copyItem(at: checkout.appending(path: "examples/\(name)"), to: project)
      let environment = ProcessInfo.processInfo.environment.merging(given) { $1 }
      let definition = try ProjectReader().read(project.appending(path: "cultivar.yaml")).project
      let builder = ImageBuilder(
        project: definition, cache: try Cache(at: Cache.defaultFolder(environment: environment)),
        lock: try ProjectLock(file: project.appending(path: "cultivar.lock")),
        executables: DeviceExecutable(environment: environment, tool: project), progress: BuildProgress(style: .quiet),
        environment: environment)
      let image = try builder.image(named: name)
      let system = try SystemReader(library: LayerLibrary(builtIn: checkout.appending(path: "Layers"))).read(
        image, of: definition, environment: environment
      ).system
      _ = try await builder.build(image, system: system, into: project.appending(path: "build"))
      return project.appending(path: "build/\(name).img")
    }
  }
}
