import Bundle
import DeviceModel
import DeviceRecords
import Foundation
import LinuxSystem
import TestFixtures
import Testing

@testable import UpdateEngine

@Suite("The history, and releases that may be tried again")
struct HistoryTests {
  private typealias Release = DeviceDouble.Release

  private func install(_ bundle: URL, _ device: DeviceDouble, force: Bool = false) throws {
    _ = try device.engine().install(from: FileSource(bundle.path), UpdateRequest.Options(force: force))
  }

  /// Installs a release, whose trial ends without a word.
  private func losePower(in bundle: URL, _ device: DeviceDouble) throws {
    try install(bundle, device)
    let tried = try device.start()
    #expect(try device.engine().settle() == .watch)
    #expect(try device.start() == tried.other)
    #expect(try device.engine().settle() == .nothing)
    #expect(try device.engine().status().history.last?.outcome == .rolledBack)
  }

  @Test("A power cut in the trial of the release that runs from the other slot as well never blocks it")
  func sameRelease() async throws {
    let device = try await DeviceDouble(.systemdBoot)
    let bundle = try await device.bundle(Release(version: "2.0", seed: 2))
    try install(bundle, device)
    try device.start()
    _ = try device.engine().settle()
    try device.engine().watch()
    _ = try await device.bundle(Release(version: "2.0", seed: 2))
    for _ in 0..<UpdateState.silentEndLimit + 1 { try losePower(in: bundle, device) }
    try install(bundle, device)
    #expect(try device.start() == .a)
    #expect(try device.engine().settle() == .watch)
    try device.engine().watch()
    #expect(try device.start() == .a)
  }

  @Test("The release that a device was flashed with is the same by its root file system")
  func flashedRelease() async throws {
    let device = try await DeviceDouble(.grub)
    let bundle = try await device.bundle(Release(version: "1.0"))
    let head = try BundleHead(from: try FileSource(bundle.path))
    let tree = try #require(try BundleManifest(head.manifest).images.first { $0.name == "root" }?.tree)
    try FileManager.default.createDirectory(atPath: device.path("data/update"), withIntermediateDirectories: true)
    try FileTree.replace(device.path("data/update/\(DevicePaths.flashedRoot)"), with: Array("\(tree)\n".utf8))
    for _ in 0..<UpdateState.silentEndLimit + 1 { try losePower(in: bundle, device) }
    try install(bundle, device)
  }

  @Test("A release whose trial ended without a record may be tried again, but not for ever")
  func silentEnds() async throws {
    let device = try await DeviceDouble(.systemdBoot)
    let bundle = try await device.bundle(Release(version: "2.0", seed: 2))
    let log = FailureLog(in: device.path("data"))
    for number in 1...UpdateState.silentEndLimit {
      // A record since then that ended nothing is not a reason.
      try log.add(FailureRecord(time: 1, slot: .a, message: "the data file system was repaired", isFatal: false))
      try losePower(in: bundle, device)
      let store = try UpdateStore(in: device.path("data/update"))
      #expect(store.state().failed.map(\.silentEnds) == [number])
    }
    let failure = #expect(throws: UpdateFailure.self) { try install(bundle, device) }
    #expect("\(try #require(failure))".contains("ended without reporting a reason"))
    // One that proves itself begins anew.
    try install(bundle, device, force: true)
    try device.start()
    #expect(try device.engine().settle() == .watch)
    try device.engine().watch()
    #expect(try UpdateStore(in: device.path("data/update")).state().failed.isEmpty)
  }

  @Test("A record that ended a trial blocks its release at once; other records are only reported")
  func recordedEnds() async throws {
    for (record, isBlocked, reason) in [
      (
        FailureRecord(time: 1, slot: .a, message: "the watchdog restarted the machine", isFatal: true), true,
        "the watchdog restarted the machine"
      ),
      (FailureRecord(time: 1, slot: .b, message: "cannot mount", isFatal: true), true, "cannot mount"),
      (FailureRecord(time: 1, slot: .b, message: "of an older release"), true, "of an older release"),
      (
        FailureRecord(time: 1, slot: .b, message: "repaired", isFatal: false), false,
        "it ended without reporting a reason: it hung, crashed, or lost power (its last record: repaired)"
      ),
      (
        FailureRecord(time: 1, slot: .a, message: "repaired", isFatal: false), false,
        "it ended without reporting a reason: it hung, crashed, or lost power"
      ),
    ] {
      let device = try await DeviceDouble(.grub)
      let bundle = try await device.bundle(Release(version: "2.0"))
      try install(bundle, device)
      #expect(try device.start() == .b)
      try FailureLog(in: device.path("data")).add(record)
      #expect(try device.start() == .a)
      #expect(try device.engine().settle() == .nothing)
      #expect(try device.engine().status().history.last?.reason == reason)
      let failed = try UpdateStore(in: device.path("data/update")).state().failed
      #expect(failed.map(\.isBlocked) == [isBlocked], "\(record)")
    }
  }

  @Test("An installation that is cancelled, fails, or is interrupted stands in the history with its reason, once")
  func failedInstallations() async throws {
    let device = try await DeviceDouble(.systemdBoot)
    let bundle = try await device.bundle(Release(version: "2.0", seed: 7))
    func last() throws -> UpdateRecord? { try device.engine().status().history.last }
    func count() throws -> Int { try device.engine().status().history.count }

    let engine = try device.engine()
    #expect(throws: UpdateFailure.cancelled) {
      try engine.install(
        from: FileSource(bundle.path),
        report: { progress in
          guard progress.done > 600_000 else { return }
          _ = Background { try? engine.cancel() }
          while (try? engine.checkNotCancelled()) != nil { usleep(1000) }
        })
    }
    let cancelled = try #require(try last())
    #expect(cancelled.outcome == .failed && cancelled.version == "2.0" && cancelled.slot == .b)
    #expect(cancelled.reason == "the update was cancelled")
    #expect(abs(cancelled.time.seconds - Int(Date().timeIntervalSince1970)) < 60)

    // The bundle ends in the middle.
    let cut = device.url("cut.bundle")
    let bytes = try Data(contentsOf: bundle)
    try bytes.prefix(bytes.count - 50_000).write(to: cut)
    #expect(throws: BundleFailure.self) { try install(cut, device) }
    let truncated = try last()?.reason ?? ""
    #expect(truncated.contains("ends"), "\(truncated)")
    #expect(try count() == 2)

    // A hook refuses when everything is written.
    try device.addHook("after-install", "echo no; exit 1")
    #expect(throws: UpdateFailure.self) { try install(bundle, device) }
    #expect(try last()?.reason == "10-test refuses: no (status 1)")
    #expect(try count() == 3)
    try device.addHook("after-install", "exit 0")

    // The power is cut while it writes.
    let store = try UpdateStore(in: device.path("data/update"))
    var state = store.state()
    state.installing = UpdateState.Installation(slot: .b, version: "2.0")
    try store.save(state)
    #expect(try device.start() == .a)
    #expect(try device.engine().settle() == .nothing)
    #expect(try device.engine().settle() == .nothing)
    #expect(try last()?.outcome == .failed)
    #expect(try last()?.reason?.hasPrefix("it was interrupted: ") == true)
    #expect(try count() == 4)

    // A bundle that is refused before the first change is not in it.
    let unsigned = try await device.bundle(Release(version: "2.0", seed: 7), isSigned: false)
    #expect(throws: UpdateFailure.self) { try install(unsigned, device) }
    #expect(try count() == 4)
    try install(bundle, device)
    #expect(try device.engine().status().history.map(\.outcome) == [.failed, .failed, .failed, .failed, .installed])
  }
}
