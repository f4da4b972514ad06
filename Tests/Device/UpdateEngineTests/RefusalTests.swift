import BootFlow
import Bundle
import DeviceModel
import Foundation
import Hashing
import LinuxSystem
import Synchronization
import TestFixtures
import Testing

@testable import UpdateEngine

@Suite("Bundles that a device refuses")
struct RefusalTests {
  private typealias Release = DeviceDouble.Release

  /// Makes a device that runs 2.0 from slot B, with 1.0 in slot A to go back to.
  private func device() async throws -> DeviceDouble {
    let device = try await DeviceDouble(.systemdBoot)
    _ = try device.engine().install(
      from: FileSource(try await device.bundle(Release(version: "2.0", seed: 2)).path))
    try device.start()
    #expect(try device.engine().settle() == .watch)
    try device.engine().watch()
    return device
  }

  /// Reads all files of the boot loader, slot A and the records.
  private func everything(of device: DeviceDouble) throws -> [String: Data] {
    let names = try FileManager.default.subpathsOfDirectory(atPath: device.path("boot")).map { "boot/\($0)" }
    var isFolder: ObjCBool = false
    let files = (names + ["root-a", "data/update/state.json"]).filter {
      FileManager.default.fileExists(atPath: device.path($0), isDirectory: &isFolder) && !isFolder.boolValue
    }
    return try Dictionary(uniqueKeysWithValues: files.map { ($0, try Data(contentsOf: device.url($0))) })
  }

  @Test("A bundle with another base, without room, or with an unknown image leaves the other slot unchanged")
  func untouched() async throws {
    let device = try await device()
    let (before, status) = (try everything(of: device), try device.engine().status())
    #expect(status.slots.map(\.isStartable) == [true, true])
    let other = try await device.bundle(Release(version: "3.0", seed: 2), base: Release(version: "1.5", seed: 9))
    let large = try await device.bundle(Release(version: "3.0", seed: 2, size: 5 << 20))
    let stranger = try await device.bundle(Release(version: "3.0", seed: 2, extra: "firmware"))
    for (bundle, words) in [
      (other, "is not the one that the bundle was made from"), (large, "but its target has only"),
      (stranger, "there is no target for image 'firmware'"),
    ] {
      let engine = try device.engine()
      let failure = #expect(throws: BundleFailure.self) { try engine.install(from: FileSource(bundle.path)) }
      #expect("\(try #require(failure))".contains(words))
      #expect(try engine.status() == status)
      #expect(try everything(of: device) == before)
    }
    // The previous release still starts, unchanged.
    try device.engine().rollBack()
    #expect(try device.start() == .a)
    #expect(try device.holds(Release(version: "1.0"), in: .a))
  }

  @Test("Boot files that are too large for the boot partition are refused; the slot's old files count as free space")
  func bootPartitionWithoutRoom() async throws {
    let device = try await device()
    let boot = BootRecord(
      loader: .systemdBoot, slot: .b, isTrial: false, canTry: true, disk: "", bootPartition: "",
      rootA: device.path("root-a"),
      rootB: device.path("root-b"))
    let images = SlotImages(boot: boot, files: BootFolder(device.path("boot")))
    func kernel(_ size: UInt64) -> BundleImage {
      let digest = Digest(of: [UInt8]())
      return BundleImage(
        name: "kernel", size: size, content: digest, tree: digest, base: nil, tableLength: 0, tableDigest: digest,
        framesLength: 0)
    }
    let before = try everything(of: device)
    let space = try #require(Mount.space(at: device.path("boot")))
    let failure = #expect(throws: UpdateFailure.self) {
      try images.checkRoom(for: [kernel(space.available + (1 << 30))], in: .a)
    }
    guard case .noRoomOnBootPartition(let needed, let available) = failure else {
      return #expect(Bool(false), "\(String(describing: failure))")
    }
    #expect(needed > available)
    #expect("\(try #require(failure))".contains("boot partition"))
    try images.checkRoom(for: [kernel(4096)], in: .a)
    #expect(try everything(of: device) == before)
  }

  @Test("The running release can also be installed into the other slot, as each slot has its own journal")
  func sameReleaseInBothSlots() async throws {
    let device = try await device()
    let bundle = try await device.bundle(Release(version: "2.0", seed: 2))
    let record = try device.engine().install(from: FileSource(bundle.path))
    #expect(record.slot == .a)
    #expect(try device.holds(Release(version: "2.0", seed: 2), in: .a))
  }

  @Test("A bundle is refused before anything has changed if the records cannot be written")
  func records() async throws {
    let device = try await device()
    let bundle = try await device.bundle(Release(version: "3.0", seed: 2), base: Release(version: "2.0", seed: 2))
    let journal = device.url("data/update/journal-a")
    try FileManager.default.removeItem(at: journal)
    try FileManager.default.createDirectory(at: journal, withIntermediateDirectories: true)
    let before = try everything(of: device)
    let engine = try device.engine()
    #expect(throws: SystemError.self) { try engine.install(from: FileSource(bundle.path)) }
    #expect(try engine.status().slots.map(\.isStartable) == [true, true])
    #expect(try everything(of: device) == before)
    try FileManager.default.removeItem(at: journal)
    _ = try engine.install(from: FileSource(bundle.path))
  }

  @Test("A hook runs only after all other checks, and its refusal changes nothing either")
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

  @Test("The same engine's status shows the other slot as empty after an incomplete installation")
  func failedInBetween() async throws {
    let device = try await device()
    // The running image no longer has the content that was installed.
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

  @Test("The hash tree of the flashed image is used until another image is installed in its slot")
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
    // A wrong one is detected before the slot is read or written.
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

  @Test("A lower version with the same epoch is refused, unless the request or the project allows it")
  func downgrade() async throws {
    let device = try await device()
    let before = try everything(of: device)
    let lower = try await device.bundle(Release(version: "1.9", seed: 2))
    let refusal = BundleFailure.refused(.lowerVersion(bundle: "1.9", device: "2.0"))
    #expect(throws: refusal) { try device.engine().install(from: FileSource(lower.path)) }
    // `force` allows a release that has failed before, but not a downgrade.
    #expect(throws: refusal) { try device.engine().install(from: FileSource(lower.path), .init(force: true)) }
    #expect(try everything(of: device) == before)
    for (bundle, options, allows) in [
      (lower, .init(allowDowngrade: true), false), (lower, .init(), true),
      // The same version again, and a lower version with a higher epoch.
      (try await device.bundle(Release(version: "2.0", seed: 2)), .init(), false),
      (try await device.bundle(Release(version: "0.1", epoch: 1)), .init(), false),
    ] as [(URL, UpdateRequest.Options, Bool)] {
      let engine = try device.engine(allowsDowngrade: allows)
      _ = try engine.install(from: FileSource(bundle.path), options)
      try engine.cancel()
    }
    // `allowDowngrade` does not allow an older epoch.
    let state = try UpdateStore(in: device.path("data/update"))
    var risen = state.state()
    risen.securityEpoch = 5
    try state.save(risen)
    #expect(throws: BundleFailure.refused(.lowerEpoch(bundle: 0, device: 5))) {
      try device.engine(allowsDowngrade: true).install(from: FileSource(lower.path), .init(allowDowngrade: true))
    }
  }

  @Test("The status shows an installation from its first byte, and each of its phases can be cancelled")
  func cancelledAnywhere() async throws {
    let device = try await device()
    try device.addHook("before-install", "test ! -e '\(device.path("slow-before"))' || sleep 60")
    try device.addHook("after-install", "test ! -e '\(device.path("slow-after"))' || sleep 60")
    let bundle = try await device.bundle(Release(version: "3.0", seed: 2), base: Release(version: "2.0", seed: 2))
    let file = try Data(contentsOf: bundle)
    // Number of bytes before the sender stops sending, a slow hook, and whether the other slot is unchanged then.
    for (count, slow, isUntouched) in [
      (0, nil, true), (100, nil, true), (nil, "slow-before", true), (nil, "slow-after", false),
    ] as [(Int?, String?, Bool)] {
      let before = try everything(of: device)
      if let slow { try Data().write(to: device.url(slow)) }
      let engine = try device.engine()
      _ = try engine.status()
      let pipe = Foundation.Pipe()
      let input = dup(pipe.fileHandleForReading.fileDescriptor)
      let outcome = Mutex<(any Error)?>(nil)
      let installing = Background {
        let source = StreamSource(Descriptor(owning: input), whileWaiting: engine.checkNotCancelled)
        do { _ = try engine.install(from: source) } catch { outcome.withLock { $0 = error } }
      }
      let sent = count.map { file.prefix($0) } ?? file
      _ = Background { try? pipe.fileHandleForWriting.write(contentsOf: sent) }
      let wanted: (UpdateStatus.Activity) -> Bool = { isUntouched ? $0 == .preparing : "\($0)".contains("checking") }
      while !wanted(try engine.status().activity) { usleep(1000) }
      if !isUntouched { usleep(300_000) }
      #expect(throws: UpdateFailure.busy) { try engine.install(from: FileSource(bundle.path)) }
      try engine.cancel()
      #expect(try engine.status().activity == .idle)
      #expect(outcome.withLock { $0 as? UpdateFailure } == .cancelled)
      installing.wait()
      if isUntouched { #expect(try everything(of: device) == before) }
      #expect(try engine.status().trial == nil)
      #expect(throws: UpdateFailure.noTrial) { try engine.cancel() }
      if let slow { try FileManager.default.removeItem(at: device.url(slow)) }
    }
    _ = try device.engine().install(from: FileSource(bundle.path))
    #expect(try device.start() == .a)
  }
}
