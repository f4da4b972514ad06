import Emulator
import Foundation
import HostSystem
import ImageBuild
import Lock
import Project
import TestFixtures
import Testing

/// All tests that start machines, one after the other: a machine takes all the processors that there are.
@Suite(.serialized, .bootable)
enum Machines {}

/// Images for boot tests: a project's text in, a disk image out, built once for each text.
actor BootFixture {
  static let shared = BootFixture()

  /// Whether there is what a boot test needs; the reason is in the tests' traits.
  static let isPossible = deviceExecutables != nil

  /// Whether there is a device executable for arm64 as well.
  static let hasForeignExecutable = FileManager.default.isExecutableFile(
    atPath: "\(deviceExecutables ?? "")/aarch64/cultivar-device")

  private static let deviceExecutables = ProcessInfo.processInfo.environment["CULTIVAR_DEVICE_EXECUTABLES"]
  private let folder = ProcessFolder.url
  private var built: [String: Task<URL, any Error>] = [:]
  private var machines = 0

  /// The image of a project with the given text of its `images:` part.
  ///
  /// - Parameters:
  ///   - device: Its device class.
  ///   - scripts: Files of the project that can be run, by name.
  ///   - files: Further files of the project, by name.
  ///   - version: Of the release.
  ///   - archive: Keys of `debian`.
  func image(
    _ name: String, _ text: String, device: String = "generic-x86_64", scripts: [String: String] = [:],
    files: [String: URL] = [:], version: String = "1.2.3", archive: String = ""
  ) async throws -> URL {
    let key = "\(device) \(version) \(archive) \(text)"
    let task = built[key] ?? Task { try await build(name, text, device, scripts, files, version, archive) }
    built[key] = task
    return try await task.value
  }

  private func build(
    _ name: String, _ text: String, _ device: String, _ scripts: [String: String], _ files: [String: URL],
    _ version: String, _ archive: String
  ) async throws -> URL {
    let project = folder.appending(path: "project-\(built.count)-\(name)")
    try FolderTree.create(project.path)
    let file = project.appending(path: "cultivar.yaml")
    let debian = archive.isEmpty ? "" : "debian: { \(archive) }\n"
    let head =
      "cultivar: 1\nname: boot-test\nversion: \"\(version)\"\n\(debian)images:\n  \(name):\n    device: \(device)\n"
    let body = text.split(separator: "\n", omittingEmptySubsequences: false).map { "    \($0)\n" }.joined()
    try FolderTree.replaceFile(file.path, with: (head + body).utf8)
    for (name, content) in scripts {
      let script = project.appending(path: name).path
      try FolderTree.replaceFile(script, with: content.utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
    }
    for (name, source) in files { try FileManager.default.copyItem(at: source, to: project.appending(path: name)) }
    let definition = try ProjectReader().read(file).project
    let environment = ProcessInfo.processInfo.environment
    let cache = try Cache(at: Cache.defaultFolder(environment: environment))
    let lock = try ProjectLock(file: folder.appending(path: "cultivar.lock"))
    let builder = ImageBuilder(
      project: definition, cache: cache, lock: lock,
      executables: DeviceExecutable(environment: environment, tool: project), progress: BuildProgress(style: .quiet),
      environment: environment)
    let image = try builder.image(named: name)
    let system =
      image.kind == .system
      ? try SystemReader(library: LayerLibrary(builtIn: Checkout.layers)).read(image, of: definition).system : nil
    _ = try await builder.build(image, system: system, into: project.appending(path: "build"))
    return project.appending(path: "build/\(name).img")
  }

  /// A copy of an image as the disk of a device.
  func disk(from image: URL, mebibytes: Int64 = 2048) async throws -> URL {
    let disk = try newFolder().appending(path: "disk.img")
    try await MachineDisk.copy(image, to: disk, size: mebibytes << 20)
    return disk
  }

  /// A folder for one machine.
  func newFolder() throws -> URL {
    machines += 1
    let place = folder.appending(path: "machine-\(machines)")
    try FolderTree.create(place.path)
    return place
  }
}

/// What starts a machine.
enum Start: String, CustomTestStringConvertible {
  case systemdBoot = "systemd-boot by UEFI"
  case grubByBIOS = "GRUB by BIOS"
  case grubByUEFI = "GRUB by UEFI"
  case uBoot = "U-Boot"

  var testDescription: String { rawValue }

  var firmware: VirtualMachine.Firmware {
    switch self {
    case .systemdBoot, .grubByUEFI: .uefi
    case .grubByBIOS: .bios
    case .uBoot: .uBoot
    }
  }

  var architecture: Architecture { self == .uBoot ? .arm64 : .amd64 }
  var device: String { self == .uBoot ? "generic-arm64" : "generic-x86_64" }
  /// Keys that an image has for it.
  var keys: String {
    switch self {
    case .systemdBoot, .grubByBIOS: ""
    case .grubByUEFI: "loader: grub"
    case .uBoot: "loader: u-boot"
    }
  }

  var double: LoaderDouble {
    switch self {
    case .systemdBoot: .systemdBoot
    case .grubByBIOS, .grubByUEFI: .grub
    case .uBoot: .uBoot
    }
  }

  /// Those that tests go through: on a disk of GRUB's both kinds of firmware run the same commands.
  static var all: [Start] {
    [.systemdBoot, .grubByBIOS] + (Patience.isLong ? [.grubByUEFI] : [])
      + (BootFixture.hasForeignExecutable ? [.uBoot] : [])
  }
}

extension Trait where Self == ConditionTrait {
  /// Passes over tests that boot where there is no device executable to boot.
  static var bootable: Self {
    .enabled(if: BootFixture.isPossible, "CULTIVAR_DEVICE_EXECUTABLES names no device executables: make test")
  }
}

/// Whether there is time for the long tests.
enum Patience {
  static let isLong = ProcessInfo.processInfo.environment["CULTIVAR_TEST_LONG"] != nil
}

extension Trait where Self == ConditionTrait {
  /// Passes over tests that take many minutes unless they are asked for.
  static var long: Self { .enabled(if: Patience.isLong, "CULTIVAR_TEST_LONG is not set") }
}

extension VirtualMachine {
  /// A port of this host that nothing listens on now.
  static func freePort() -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(descriptor, $0, length)
        _ = getsockname(descriptor, $0, &length)
      }
      return Int(UInt16(bigEndian: pointer.pointee.sin_port))
    }
  }
}

/// Asks for a page until it comes.
///
/// - Parameter options: Options of curl.
/// - Throws: `EmulatorFailure.timedOut` with the machine's console.
func fetch(
  _ url: String, from machine: RunningMachine, seconds: Int = 120, options: [String] = []
) async throws -> String {
  let deadline = ContinuousClock().now.advanced(by: .seconds(seconds))
  while ContinuousClock().now < deadline {
    let page = try? await HostCommand(
      file: "curl", ["--silent", "--fail", "--max-time", "4"] + options + [url], to: "fetch \(url)"
    ).run()
    if let page { return page }
    if await machine.isOff { break }
    try await Task.sleep(for: .milliseconds(500))
  }
  throw EmulatorFailure.timedOut(waitingFor: url, seconds: seconds, console: await machine.console)
}

/// What the management API says of the device, with the token of the tests' machines (``Appliances/managementTokenHash``).
func managementStatus(port: Int, of machine: RunningMachine) async throws -> String {
  // The certificate was made by the machine at this start: nobody here knows it.
  try await fetch(
    "https://127.0.0.1:\(port)/v1/status", from: machine,
    options: ["--insecure", "--header", "Authorization: Bearer boot-tests"])
}

/// Expects a page, as soon as one comes.
func expectPage(_ url: String, _ wanted: String, _ machine: RunningMachine) async throws {
  let page = try await fetch(url, from: machine)
  #expect(page == wanted)
}
