import Emulator
import Foundation
import HostSystem
import ImageBuild
import Lock
import Project
import TestFixtures
import Testing

extension Machines {
  /// Boots of the systems in `examples/`.
  @Suite
  struct ExampleBootTests {
    @Test("The slim Debian starts without failed units, and its user can log in on the serial console")
    func slim() async throws {
      let hash = try await HostCommand(file: "openssl", ["passwd", "-6", "-salt", "slim", "a test"], to: "hash").run()
      let image = try await Self.example(
        "slim", environment: ["SLIM_PASSWORD_HASH": hash.trimmingCharacters(in: .newlines)])
      let disk = try await BootFixture.shared.disk(from: image)
      let machine = VirtualMachine.single(disk: disk, firmware: .bios)
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

    // Other tests show without a machine that Chromium draws the page. This one takes five minutes or more.
    @Test("The kiosk shows its page in Chromium", .long)
    func page() async throws {
      try await Self.expectPicture(of: try await Self.example("kiosk"), seconds: 1200) { picture in
        picture.share(of: [0x0b, 0x6e, 0x4f]) > 0.8 && picture.share(of: [0xff, 0xd2, 0x3f]) > 0.05
      }
    }

    /// Boots an image on a machine with a screen, and waits for a picture.
    private static func expectPicture(
      of image: URL, seconds: Int, _ isRight: @Sendable @escaping (Picture) -> Bool
    ) async throws {
      let disk = try await BootFixture.shared.disk(from: image, mebibytes: 4096)
      var machine = VirtualMachine.single(disk: disk, firmware: .bios, memory: 2048)
      machine.extraArguments = ["-device", "virtio-vga"]
      let folder = disk.deletingLastPathComponent()
      try await machine.running(in: folder) { machine in
        let deadline = ContinuousClock().now.advanced(by: .seconds(seconds))
        let file = folder.appending(path: "screen.ppm")
        try await machine.wait(for: " login: ", seconds: seconds)
        while true {
          try await machine.takePicture(to: file)
          try await Task.sleep(for: .seconds(3))
          if let picture = Picture(file), isRight(picture) { return }
          guard ContinuousClock().now < deadline else {
            throw EmulatorFailure.timedOut(
              waitingFor: "the picture", seconds: seconds, console: await machine.console)
          }
        }
      }
    }

    /// Returns the image of an example. Its project is copied, so that a build does not write into the checkout.
    private static func example(_ name: String, environment: [String: String] = [:]) async throws -> URL {
      let project = try await BootFixture.shared.newFolder().appending(path: name)
      try FileManager.default.copyItem(at: Checkout.folder.appending(path: "examples/\(name)"), to: project)
      return try await build(name, in: project, environment: environment)
    }

    private static func build(
      _ name: String, in project: URL, environment given: [String: String] = [:]
    ) async throws -> URL {
      let environment = ProcessInfo.processInfo.environment.merging(given) { $1 }
      let definition = try ProjectReader().read(project.appending(path: "cultivar.yaml")).project
      let builder = ImageBuilder(
        project: definition, cache: try Cache(at: Cache.defaultFolder(environment: environment)),
        lock: try ProjectLock(file: project.appending(path: "cultivar.lock")),
        executables: DeviceExecutable(environment: environment, tool: project), progress: BuildProgress(style: .quiet),
        environment: environment)
      let image = try builder.image(named: name)
      let system = try SystemReader(library: LayerLibrary(builtIn: Checkout.layers)).read(
        image, of: definition, environment: environment
      ).system
      _ = try await builder.build(image, system: system, into: project.appending(path: "build"))
      return project.appending(path: "build/\(name).img")
    }
  }
}

/// A picture of a machine's screen: a portable pixmap (`P6`) with one byte each for red, green and blue.
struct Picture {
  private let pixels: ArraySlice<UInt8>

  /// Reads a pixmap. Returns `nil` if the file is incomplete.
  init?(_ file: URL) {
    guard let bytes = try? FolderTree.readFile(file.path) else { return nil }
    let parts = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0].elementsEqual("P6".utf8) else { return nil }
    let size = String(decoding: parts[1], as: UTF8.self).split(separator: " ").compactMap { Int($0) }
    guard size.count == 2, parts[3].count == size[0] * size[1] * 3 else { return nil }
    pixels = parts[3]
  }

  /// Returns the share of the picture that has a colour, from 0 to 1.
  func share(of colour: [UInt8]) -> Double {
    let count = stride(from: pixels.startIndex, to: pixels.endIndex, by: 3).count {
      pixels[$0..<$0 + 3].elementsEqual(colour)
    }
    return Double(count * 3) / Double(max(pixels.count, 3))
  }
}
