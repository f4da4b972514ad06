import Emulator
import Foundation
import HostSystem
import ImageBuild
import Lock
import Project
import TestFixtures
import Testing

/// All tests that start machines. As many run at once as the host has processors.
@Suite(.bootable, .oneProcessor)
enum Machines {}

/// Gives each test one processor of the host for as long as it runs.
struct ProcessorTrait: SuiteTrait, TestTrait, TestScoping {
  let isRecursive = true

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    await Processors.shared.take()
    let result: Result<Void, any Error>
    do { result = .success(try await function()) } catch { result = .failure(error) }
    await Processors.shared.giveBack()
    try result.get()
  }
}

/// The processors of the host, each for one test.
private actor Processors {
  static let shared = Processors()

  private var free = max(1, ProcessInfo.processInfo.activeProcessorCount)
  private var waiting: [CheckedContinuation<Void, Never>] = []

  func take() async {
    if free > 0 {
      free -= 1
    } else {
      await withCheckedContinuation { waiting.append($0) }
    }
  }

  func giveBack() {
    if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
  }
}

/// Builds disk images for boot tests from project texts, once for each text.
actor BootFixture {
  static let shared = BootFixture()

  /// True if boot tests are possible. The traits of the tests have the reason.
  static let isPossible = deviceExecutables != nil

  /// True if there is also a device executable for arm64.
  static let hasForeignExecutable = FileManager.default.isExecutableFile(
    atPath: "\(deviceExecutables ?? "")/aarch64/cultivar-device")

  private static let deviceExecutables = ProcessInfo.processInfo.environment["CULTIVAR_DEVICE_EXECUTABLES"]
  private let folder = ProcessFolder.url
  private var built: [String: Task<URL, any Error>] = [:]
  private var projects = 0
  private var machines = 0

  /// Returns the image of a project, from the text of its `images:` part.
  ///
  /// - Parameters:
  ///   - device: The device class.
  ///   - scripts: Executable files of the project, by name.
  ///   - files: Further files of the project, by name.
  ///   - version: The version of the release.
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
    projects += 1
    let project = folder.appending(path: "project-\(projects)-\(name)")
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

  /// Copies an image to the disk of a device.
  func disk(from image: URL, mebibytes: Int64 = 2048) async throws -> URL {
    let disk = try newFolder().appending(path: "disk.img")
    try await MachineDisk.copy(image, to: disk, size: mebibytes << 20)
    return disk
  }

  /// Makes a folder for one machine.
  func newFolder() throws -> URL {
    machines += 1
    let place = folder.appending(path: "machine-\(machines)")
    try FolderTree.create(place.path)
    return place
  }
}

/// The boot loader and firmware that start a machine.
enum Start: String, CustomTestStringConvertible {
  case systemdBoot = "systemd-boot by UEFI"
  case grubByBIOS = "GRUB by BIOS"
  case grubByUEFI = "GRUB by UEFI"
  case uBoot = "U-Boot"
  case raspberryPi = "U-Boot on a Raspberry Pi 3"

  var testDescription: String { rawValue }

  var firmware: VirtualMachine.Firmware {
    switch self {
    case .systemdBoot, .grubByUEFI: .uefi
    case .grubByBIOS: .bios
    case .uBoot: .uBoot
    case .raspberryPi: .raspberryPi
    }
  }

  var architecture: Architecture { self == .uBoot || self == .raspberryPi ? .arm64 : .amd64 }
  var device: String {
    switch self {
    case .systemdBoot, .grubByBIOS, .grubByUEFI: "generic-x86_64"
    case .uBoot: "generic-arm64"
    case .raspberryPi: "raspberry-pi-3"
    }
  }
  /// Keys of an image for this start.
  var keys: String {
    switch self {
    case .systemdBoot, .grubByBIOS, .raspberryPi: ""
    case .grubByUEFI: "loader: grub"
    case .uBoot: "loader: u-boot"
    }
  }

  var double: LoaderDouble {
    switch self {
    case .systemdBoot: .systemdBoot
    case .grubByBIOS, .grubByUEFI: .grub
    case .uBoot, .raspberryPi: .uBoot
    }
  }

  /// The starts to test: all in long tests, otherwise one. Raspberry Pis have tests of their own, as they take minutes
  /// to start in QEMU.
  static var tested: [Start] {
    guard Patience.isLong else { return [.systemdBoot] }
    return [.systemdBoot, .grubByBIOS, .grubByUEFI] + (BootFixture.hasForeignExecutable ? [.uBoot] : [])
  }
}

extension Trait where Self == ConditionTrait {
  /// Skips tests that boot if there is no device executable.
  static var bootable: Self {
    .enabled(if: BootFixture.isPossible, "CULTIVAR_DEVICE_EXECUTABLES names no device executables: make test")
  }
}

extension Trait where Self == ProcessorTrait {
  /// Runs a test when a processor of the host is free.
  static var oneProcessor: Self { ProcessorTrait() }
}

/// The condition for long tests.
enum Patience {
  static let isLong = ProcessInfo.processInfo.environment["CULTIVAR_TEST_LONG"] != nil
}

extension Trait where Self == ConditionTrait {
  /// Skips tests that take many minutes unless they are requested.
  static var long: Self { .enabled(if: Patience.isLong, "CULTIVAR_TEST_LONG is not set") }
}

extension VirtualMachine {
  /// Describes a machine with one emulated processor.
  static func single(
    disk: URL, firmware: Firmware, architecture: Architecture = .amd64, memory: Int = 512, forwards: [Forward] = []
  ) -> VirtualMachine {
    var machine = VirtualMachine(
      disk: disk, firmware: firmware, architecture: architecture, memory: memory, forwards: forwards)
    machine.processors = 1
    return machine
  }

  /// Returns a port of this host on which nothing listens.
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

/// Requests a page until it is available.
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

/// Returns the status from the management API, with the token of the tests' machines
/// (``Appliances/managementTokenHash``).
func managementStatus(port: Int, of machine: RunningMachine) async throws -> String {
  // The machine made its certificate at this start, so it is not known here.
  try await fetch(
    "https://127.0.0.1:\(port)/v1/status", from: machine,
    options: ["--insecure", "--header", "Authorization: Bearer boot-tests"])
}

/// Waits for a page and expects its content.
func expectPage(_ url: String, _ wanted: String, _ machine: RunningMachine) async throws {
  let page = try await fetch(url, from: machine)
  #expect(page == wanted)
}
