import BootFlow
import Bundle
import BundleMaking
import DeviceFixtures
import DeviceModel
import Foundation
import LinuxSystem
import Synchronization
import TestFixtures
import Trust

@testable import UpdateEngine

/// A device whose partitions are files and whose boot loader is a double. It runs the slot that the boot loader starts.
final class DeviceDouble: Sendable {
  let folder: TemporaryFolder
  let loader: LoaderDouble
  let signer = ReleaseSigner()
  private let memory = Mutex(Memory())

  struct Memory {
    var starts = 0
    var restarts = 0
    var problems: [String] = []
    var notes: [String] = []
    var running = Slot.a
    var isTrial = false
    var version: [Slot: Release] = [:]
  }

  /// A release: the metadata and content of a slot's image.
  struct Release {
    var version: String
    var epoch: UInt64 = 0
    var seed: UInt64 = 1
    /// Size of its root file system in bytes.
    var size = 366 * 4096
    /// Name of an additional image for which slots have no place.
    var extra: String?
  }

  init(_ loader: LoaderDouble) async throws {
    self.loader = loader
    folder = try TemporaryFolder()
    for name in ["data", "hooks"] {
      try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
    }
    let first = Release(version: "1.0")
    memory.withLock { $0.version[.a] = first }
    let boot = BootFolder(path("boot"))
    for (name, bytes) in try images(first) where loader != .tryboot || name == "root" {
      switch name {
      case "root": try Data(bytes + [UInt8](repeating: 0, count: 1 << 20)).write(to: url("root-a"))
      case "kernel": try boot.create(BootPartition.kernel(.a), bytes)
      case "initrd": try boot.create(BootPartition.initialRAM(.a), bytes)
      default: try boot.create(BootPartition.commandLine(.a), bytes)
      }
    }
    try Data([UInt8](repeating: 0, count: 4 << 20)).write(to: url("root-b"))
    let entry = BootEntry(slot: .a, title: "product", version: "1.0", arguments: ["ro"])
    try loader.fill(boot, with: entry)
    if loader == .tryboot {
      for (name, bytes) in try images(first) where name == "boot" {
        try Data(bytes).write(to: url("boot/\(LoaderDouble.TrybootFile.slots[0])"))
        // A new image has an empty slot B, which may be larger than the release.
        try Data([UInt8](repeating: 0, count: 3 << 20)).write(to: url("boot/\(LoaderDouble.TrybootFile.slots[1])"))
      }
    }
    try Data(signer.rootFile().file).write(to: url("trust"))
    _ = try start()
  }

  func path(_ name: String) -> String { "\(folder.path)/\(name)" }
  func url(_ name: String) -> URL { URL(fileURLWithPath: path(name)) }

  // MARK: Releases

  /// Returns the images of a release. Most of their bytes are the same in all releases.
  func images(_ release: Release) throws -> [(name: String, bytes: [UInt8])] {
    var generator = release.seed
    func bytes(_ count: Int) -> [UInt8] {
      (0..<count).map { _ in
        generator = generator &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: generator >> 33)
      }
    }
    let own = Array("release \(release.version) epoch \(release.epoch)\n".utf8)
    let root = bytes(release.size - own.count) + own
    let (kernel, initialRAM) = (bytes(200_000) + own, bytes(100_000))
    let extra = release.extra.map { [($0, own)] } ?? []
    if loader == .tryboot {
      let entry = BootEntry(slot: .a, title: "", version: "", arguments: ["ro", "release=\(release.version)"])
      let files = ["kernel8.img": kernel, "initrd": initialRAM]
      return [("root", root), ("boot", try LoaderDouble.bootImage(entry, files))] + extra
    }
    return [
      ("root", root), ("kernel", kernel), ("initrd", initialRAM),
      ("command-line", Array("ro release=\(release.version)\n".utf8)),
    ] + extra
  }

  /// Makes a bundle of a release as a file.
  func bundle(
    _ release: Release, product: String = "product/image", device: String = "generic-x86_64",
    isSigned: Bool = true, by other: ReleaseSigner? = nil, roots: [SignedTrustRoot] = [], base: Release? = nil
  ) async throws -> URL {
    func write(_ release: Release, _ place: String) throws -> [String: URL] {
      try FileManager.default.createDirectory(atPath: path(place), withIntermediateDirectories: true)
      return try Dictionary(
        uniqueKeysWithValues: images(release).map { name, bytes in
          let file = url("\(place)/\(name)")
          try Data(bytes).write(to: file)
          return (name, file)
        })
    }
    let new = try write(release, "new")
    let old = try base.map { try write($0, "old") } ?? [:]
    let signer = other ?? signer
    let file = url("\(release.version)-\(UInt32.random(in: 0...UInt32.max)).bundle")
    try await BundleMaker(wholeLevel: 3).make(
      BundleManifest(
        product: product, devices: [device], version: release.version, securityEpoch: release.epoch, created: 1),
      of: try images(release).map { .init(name: $0.name, file: new[$0.name] ?? file, base: old[$0.name]) }, to: file
    ) { manifest in
      isSigned ? try signer.signatures(over: manifest, roots: roots) : nil
    }
    memory.withLock { $0.version[$0.running.other] = release }
    return file
  }

  // MARK: Boots

  /// Starts the device: the boot loader chooses a slot, and that slot runs.
  ///
  /// - Parameter isPowerCut: True if the power was cut, so that nothing could be passed to the firmware.
  @discardableResult func start(isPowerCut: Bool = false) throws -> Slot {
    if !isPowerCut, memory.withLock({ $0.starts > 0 }) { try loader.prepareRestart(BootFolder(path("boot"))) }
    let chosen = try loader.start(url("boot")).flatMap(Slot.init)
    let boot = BootFolder(path("boot"))
    let isTrial = try loader.flow(boot).choice().trial.map { $0.slot == chosen && $0.isSpent } ?? false
    guard let chosen else { throw CocoaError(.fileNoSuchFile) }
    memory.withLock {
      $0.starts += 1
      $0.running = chosen
      $0.isTrial = isTrial
    }
    return chosen
  }

  var running: Slot { memory.withLock { $0.running } }
  var restarts: Int { memory.withLock { $0.restarts } }
  /// The notes of engines so far.
  var notes: [String] { memory.withLock { $0.notes } }

  /// Sets the health problems from now on.
  func set(problems: [String]) { memory.withLock { $0.problems = problems } }

  /// Returns the engine of the running release.
  func engine(
    duration: Int = 0, timeout: Int = 1, canTry: Bool = true, allowsDowngrade: Bool = false
  ) throws -> UpdateEngine {
    let memory = memory.withLock { $0 }
    let release = memory.version[memory.running] ?? Release(version: "1.0")
    let boot = LoaderDouble.record(BootFolder(path("boot")))
    var environment = UpdateEnvironment(
      plan: UpdatePlan(
        image: ImageIdentity(
          project: "product", image: "image", deviceClass: "generic-x86_64", version: release.version, build: ""),
        securityEpoch: release.epoch, allowsDowngrade: allowsDowngrade, dataSchema: 0, buildTime: 0,
        health: HealthPlan(duration: duration, timeout: timeout)),
      boot: BootRecord(
        loader: loader.kind, slot: memory.running, isTrial: memory.isTrial, canTry: canTry,
        disk: "", bootPartition: loader == .tryboot ? boot.bootPartition : "",
        bootA: loader == .tryboot ? boot.bootA : nil, bootB: loader == .tryboot ? boot.bootB : nil,
        rootA: path("root-a"), rootB: path("root-b")),
      records: path("data"), trustRoot: path("trust"), bootFolder: path("boot"), lock: path("lock"),
      startID: "\(memory.starts)", problems: { [self] in self.memory.withLock { $0.problems } },
      restart: { [self] in self.memory.withLock { $0.restarts += 1 } },
      note: { [self] note in self.memory.withLock { $0.notes.append(note) } })
    environment.setRestartArgument = { [self] argument in
      try Data(argument.utf8).write(to: url("boot/\(LoaderDouble.TrybootFile.argument)"))
    }
    environment.hooks.folders = [path("hooks")]
    environment.hooks.timeout = 2
    environment.lockPatience = 1000
    return try UpdateEngine(environment)
  }

  /// Returns true if a slot's partition and files match a release, byte for byte.
  func holds(_ release: Release, in slot: Slot) throws -> Bool {
    let boot = BootFolder(path("boot"))
    return try images(release).allSatisfy { name, bytes in
      switch name {
      case "root": try Array(Data(contentsOf: url("root-\(slot.rawValue)")).prefix(bytes.count)) == bytes
      case "boot": try bootImage(of: slot).prefix(bytes.count) == bytes[...]
      case "kernel": try boot.read(BootPartition.kernel(slot), limit: 1 << 24) == bytes
      case "initrd": try boot.read(BootPartition.initialRAM(slot), limit: 1 << 24) == bytes
      default: try boot.read(BootPartition.commandLine(slot)) == bytes
      }
    }
  }

  /// Returns a slot's boot partition without the changes that make it the slot's.
  private func bootImage(of slot: Slot) throws -> [UInt8] {
    guard let place = LoaderDouble.record(BootFolder(path("boot"))).boot(of: slot) else { return [] }
    let partition = SlotBootPartition(slot, number: place.number, on: try BlockDevice(place.path))
    var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: place.path)))
    let image = try SlotBootPartition.Image(of: partition)
    bytes.withUnsafeMutableBytes { image.convert($0, at: 0) }
    return bytes
  }

  /// Adds a hook that runs a script.
  func addHook(_ point: String, _ script: String) throws {
    try url("hooks").writing("#!/bin/sh\n\(script)\n", to: "\(point).d/10-test", mode: 0o755)
  }
}
