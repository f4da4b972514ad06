import BootFlow
import Bundle
import DeviceModel
import Foundation
import TestFixtures
import Testing

@testable import UpdateEngine

@Suite("Bundles that a device refuses")
struct RefusalTests {
  private typealias Release = DeviceDouble.Release

  /// A device that runs 2.0 from slot B, with 1.0 in slot A to go back to.
  private func device() async throws -> DeviceDouble {
    let device = try await DeviceDouble(.systemdBoot)
    _ = try device.engine().install(
      from: FileSource(try await device.bundle(Release(version: "2.0", seed: 2)).path))
    try device.start()
    #expect(try device.engine().settle() == .watch)
    try device.engine().watch()
    return device
  }

  /// Everything that the loader, slot A and the records have.
  private func everything(of device: DeviceDouble) throws -> [String: Data] {
    let names = try FileManager.default.subpathsOfDirectory(atPath: device.path("boot")).map { "boot/\($0)" }
    var isFolder: ObjCBool = false
    let files = (names + ["root-a", "data/update/state.json"]).filter {
      FileManager.default.fileExists(atPath: device.path($0), isDirectory: &isFolder) && !isFolder.boolValue
    }
    return try Dictionary(uniqueKeysWithValues: files.map { ($0, try Data(contentsOf: device.url($0))) })
  }

  @Test("A bundle for another base, without room, or with an image that has no place leaves the other slot as it is")
  func untouched() async throws {
    let device = try await device()
    let (before, status) = (try everything(of: device), try device.engine().status())
    #expect(status.slots.map(\.isStartable) == [true, true])
    let other = try await device.bundle(Release(version: "3.0", seed: 2), base: Release(version: "1.5", seed: 9))
    let large = try await device.bundle(Release(version: "3.0", seed: 2, size: 5 << 20))
    let stranger = try await device.bundle(Release(version: "3.0", seed: 2, extra: "firmware"))
    for (bundle, words) in [
      (other, "is not the one that the bundle was made from"), (large, "and its place"),
      (stranger, "there is no place for image 'firmware'"),
    ] {
      let engine = try device.engine()
      let failure = #expect(throws: BundleFailure.self) { try engine.install(from: FileSource(bundle.path)) }
      #expect("\(try #require(failure))".contains(words))
      #expect(try engine.status() == status)
      #expect(try everything(of: device) == before)
    }
    // What is left is started, byte for byte.
    try device.engine().rollBack()
    #expect(try device.start() == .a)
    #expect(try device.holds(Release(version: "1.0"), in: .a))
  }

  @Test("A hook is asked when nothing else can refuse any more, and its refusal changes nothing either")
  func hook() async throws {
    let device = try await device()
    try device.addHook("before-install", "touch '\(device.path("asked"))'; exit 1")
    let before = try everything(of: device)
    let other = try await device.bundle(Release(version: "3.0"), base: Release(version: "1.5", seed: 9))
    #expect(throws: BundleFailure.self) { try device.engine().install(from: FileSource(other.path)) }
    #expect(!FileManager.default.fileExists(atPath: device.path("asked")))
    let good = try await device.bundle(Release(version: "3.0"), base: Release(version: "2.0", seed: 2))
    #expect(throws: UpdateFailure.self) { try device.engine().install(from: FileSource(good.path)) }
    #expect(FileManager.default.fileExists(atPath: device.path("asked")))
    #expect(try everything(of: device) == before)
  }

  @Test("What cannot be completed is said by the status of the same engine: the other slot is empty")
  func failedInBetween() async throws {
    let device = try await device()
    // The running image is not any more what it was when it was installed.
    var root = try Data(contentsOf: device.url("root-b"))
    root[1_000_000] ^= 1
    try root.write(to: device.url("root-b"))
    let engine = try device.engine()
    #expect(try engine.status().slots.map(\.isStartable) == [true, true])
    let bundle = try await device.bundle(Release(version: "3.0", seed: 2), base: Release(version: "2.0", seed: 2))
    #expect(throws: BundleFailure.otherBase(image: "root")) { try engine.install(from: FileSource(bundle.path)) }
    let status = try engine.status()
    #expect(status.slots.map(\.isStartable) == [false, true])
    #expect(status.slots.map(\.version) == [nil, "2.0"])
    #expect(status.activity == .idle && status.trial == nil)
    #expect(try device.start() == .b)
  }

  @Test("The tree that a device was flashed with is believed until something else is in its slot")
  func flashedTree() async throws {
    let device = try await DeviceDouble(.grub)
    let first = try await device.bundle(Release(version: "1.0"))
    let head = try BundleHead(from: try FileSource(first.path))
    let tree = try #require(try BundleManifest(head.manifest).images.first { $0.name == "root" }?.tree)
    let store = try UpdateStore(in: device.path("data/update"))
    func flash(_ text: String) throws {
      try Data("\(text)\n".utf8).write(to: device.url("data/update/flashed-root"))
    }
    let bundle = try await device.bundle(Release(version: "2.0"), base: Release(version: "1.0"))
    // A wrong one is found before anything of the slot is read or written.
    try flash("\(Digest(of: [1]))")
    #expect(throws: BundleFailure.otherBase(image: "root")) {
      try device.engine().install(from: FileSource(bundle.path))
    }
    for text in ["\(tree)", "nonsense", ""] {
      try flash(text)
      _ = try device.engine().install(from: FileSource(bundle.path))
      #expect(store.state().a?.tree == (text == "\(tree)" ? tree : nil))
      try device.engine().cancel()
      try FileManager.default.removeItem(atPath: device.path("data/update/state.json"))
    }
    try flash("\(tree)")
    _ = try device.engine().install(from: FileSource(bundle.path))
    try device.start()
    #expect(try device.engine().settle() == .watch)
    try device.engine().watch()
    #expect(store.flashedTree != nil)
    _ = try device.engine().install(
      from: FileSource(try await device.bundle(Release(version: "3.0"), base: Release(version: "2.0")).path))
    #expect(store.flashedTree == nil)
  }
}
