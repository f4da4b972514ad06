import Bundle
import DeviceModel
import DeviceRecords
import Foundation
import LinuxSystem
import TestFixtures
import Testing
import Trust

@testable import UpdateEngine

@Suite("Updates of a device")
struct UpdateEngineTests {
  private typealias Release = DeviceDouble.Release

  /// Installs a bundle from a file.
  private func install(_ file: URL, _ device: DeviceDouble, isHeld: Bool = false, force: Bool = false) throws {
    _ = try device.engine().install(
      from: try FileSource(file.path), UpdateRequest.Options(restart: isHeld ? .no : .now, force: force))
  }

  @Test("Nothing is installed if the boot loader would try a release more than once")
  func uncounted() async throws {
    let device = try await DeviceDouble(.systemdBoot)
    let bundle = try await device.bundle(.init(version: "2.0", seed: 2))
    #expect(throws: UpdateFailure.cannotTry) {
      try device.engine(canTry: false).install(from: FileSource(bundle.path))
    }
    #expect(try device.start() == .a)
  }

  @Test("A release is installed, tried, committed, and then raises the minimum epoch", arguments: LoaderDouble.allCases)
  func commits(loader: LoaderDouble) async throws {
    let device = try await DeviceDouble(loader)
    let new = Release(version: "2.0", epoch: 3)
    try install(try await device.bundle(new, base: Release(version: "1.0")), device)
    #expect(try device.holds(new, in: .b))
    #expect(try device.engine().status().trial == TrialStatus(slot: .b, version: "2.0", isRunning: false))

    #expect(try device.start() == .b)
    let engine = try device.engine()
    #expect(try engine.settle() == .watch)
    #expect(try engine.status().securityEpoch == 0, "a release on trial forbids nothing yet")
    try engine.watch()
    let status = try engine.status()
    #expect(status.trial == nil)
    #expect(status.securityEpoch == 3)
    #expect(status.history.map(\.outcome) == [.installed, .committed])
    #expect(status.slots.map(\.isStandard) == [false, true])
    #expect(status.slots.map(\.version) == ["1.0", "2.0"])
    #expect(try device.start() == .b)
    #expect(try device.engine().settle() == .nothing)
    let older = try await device.bundle(Release(version: "3.0", epoch: 2))
    #expect(throws: BundleFailure.refused(.lowerEpoch(bundle: 2, device: 3))) { try install(older, device) }

    let next = Release(version: "3.0", epoch: 3)
    try install(try await device.bundle(next, base: new), device)
    #expect(try device.holds(next, in: .a))
  }

  @Test(
    "A release that stays unhealthy is given up with a reason, and refused afterwards unless forced",
    arguments: LoaderDouble.allCases)
  func leaves(loader: LoaderDouble) async throws {
    let device = try await DeviceDouble(loader)
    let bundle = try await device.bundle(Release(version: "2.0"))
    try device.addHook("after-rollback", "echo $CULTIVAR_VERSION $CULTIVAR_REASON > '\(device.path("told"))'")
    try install(bundle, device)
    #expect(try device.start() == .b)
    device.set(problems: ["web waits for network"])
    let engine = try device.engine()
    #expect(try engine.settle() == .watch)
    try engine.watch()
    #expect(device.restarts == 1)

    #expect(try device.start() == .a)
    device.set(problems: [])
    #expect(try device.engine().settle() == .nothing)
    let last = try #require(try device.engine().status().history.last)
    #expect(last.outcome == .rolledBack && last.version == "2.0" && last.reason == "web waits for network")
    #expect(try String(contentsOf: device.url("told"), encoding: .utf8) == "2.0 web waits for network\n")
    #expect(throws: UpdateFailure.failedBefore(version: "2.0", reason: "web waits for network")) {
      try install(bundle, device)
    }
    try install(bundle, device, force: true)
    #expect(try device.start() == .b)
    #expect(try device.engine().settle() == .watch)
    try device.engine().watch()
    #expect(try device.start() == .b)
  }

  @Test("A release that ends without a verdict gets its reason from the failure records, or none")
  func silentEnds() async throws {
    for message in ["the data file system cannot be repaired", nil] as [String?] {
      let device = try await DeviceDouble(.systemdBoot)
      let log = FailureLog(in: device.path("data"))
      try log.add(FailureRecord(time: 1, slot: .a, message: "of long ago"))
      try install(try await device.bundle(Release(version: "2.0")), device)
      #expect(try device.start() == .b)
      if let message { try log.add(FailureRecord(time: 0, slot: .b, message: message)) }
      #expect(try device.start() == .a)
      #expect(try device.engine().settle() == .nothing)
      let reason = try device.engine().status().history.last?.reason
      #expect(reason == message ?? "it ended without reporting a reason: it hung, crashed, or lost power")
    }
  }

  @Test("Nothing is written for a bundle that is unsigned, signed by an untrusted key, or for another device")
  func refusals() async throws {
    let device = try await DeviceDouble(.grub)
    let before = try Data(contentsOf: device.url("root-b"))
    let stranger = ReleaseSigner()
    let new = Release(version: "2.0")
    for (bundle, reason) in [
      (try await device.bundle(new, isSigned: false), "not signed"),
      (try await device.bundle(new, by: stranger), "not trusted"),
      (try await device.bundle(new, product: "other/image"), "product"),
      (try await device.bundle(new, device: "generic-arm64"), "generic-arm64"),
    ] {
      let failure = #expect(throws: (any Error).self) { try install(bundle, device) }
      #expect("\(try #require(failure))".contains(reason))
    }
    #expect(try Data(contentsOf: device.url("root-b")) == before)
    #expect(try device.engine().status().slots.map(\.isStartable) == [true, false])
    #expect(try device.start() == .a)
  }

  @Test("A root of trust from a bundle replaces the previous one")
  func rotation() async throws {
    let device = try await DeviceDouble(.systemdBoot)
    let next = ReleaseSigner()
    let signed = try next.rootFile(version: 2, besides: [device.signer])
    let second = try await device.bundle(Release(version: "2.0"), by: next, roots: [signed])
    let withoutChain = try await device.bundle(Release(version: "2.0"), by: next)
    #expect(throws: UpdateFailure.self) { try install(withoutChain, device) }
    try install(second, device)
    try device.engine().cancel()
    let old = try await device.bundle(Release(version: "3.0"))
    #expect(throws: UpdateFailure.self) { try install(old, device) }
    try install(try await device.bundle(Release(version: "3.0"), by: next), device)
  }

  @Test("While a release is on trial or waits for it, no other can be installed; it can be withdrawn")
  func pending() async throws {
    let device = try await DeviceDouble(.grub)
    try install(try await device.bundle(Release(version: "2.0")), device)
    let other = try await device.bundle(Release(version: "3.0"))
    #expect(throws: UpdateFailure.trialPending(version: "2.0")) { try install(other, device) }
    #expect(throws: UpdateFailure.trialPending(version: "2.0")) { try device.engine().rollBack() }
    #expect(throws: UpdateFailure.noTrial) { try device.engine().commit() }
    try device.engine().cancel()
    #expect(try device.start() == .a)
    #expect(throws: UpdateFailure.noTrial) { try device.engine().cancel() }
    try install(other, device)
    #expect(try device.start() == .b)
    #expect(throws: UpdateFailure.trialPending(version: "3.0")) { try install(other, device) }
  }

  @Test("Two processes cannot change slots at the same time")
  func lock() async throws {
    let device = try await DeviceDouble(.grub)
    let bundle = try await device.bundle(Release(version: "2.0"))
    try device.engine().exclusively { () -> Void in
      #expect(throws: UpdateFailure.busy) { try install(bundle, device) }
    }
    try install(bundle, device)
  }

  @Test("After a cancelled installation the other slot cannot be started, and the next installation resumes")
  func cancelled() async throws {
    let device = try await DeviceDouble(.systemdBoot)
    let new = Release(version: "2.0", seed: 7)
    let bundle = try await device.bundle(new)
    let engine = try device.engine()
    var isCancelled = false
    let ended = DispatchSemaphore(value: 0)
    #expect(throws: UpdateFailure.cancelled) {
      try engine.install(
        from: try FileSource(bundle.path),
        report: { progress in
          guard progress.done > 600_000, !isCancelled else { return }
          // cancel() waits for the installation to end, so it has to run on another thread.
          isCancelled = true
          _ = Background {
            try? engine.cancel()
            ended.signal()
          }
          while (try? engine.checkNotCancelled()) != nil { usleep(1000) }
        })
    }
    #expect(ended.wait(timeout: .now() + 10) == .success)
    #expect(try engine.status().activity == .idle)
    #expect(try device.start() == .a)
    #expect(try device.engine().settle() == .nothing)
    #expect(try device.engine().status().slots.map(\.isStartable) == [true, false])
    try install(bundle, device)
    #expect(try device.holds(new, in: .b))
    #expect(try device.start() == .b)
  }

  @Test("A held release is tried only on request")
  func held() async throws {
    let device = try await DeviceDouble(.grub)
    try install(try await device.bundle(Release(version: "2.0")), device, isHeld: true)
    #expect(try device.start() == .a)
    #expect(try device.engine().settle() == .nothing)
    #expect(try device.engine().status().trial?.version == "2.0")
    try device.engine().tryHeld()
    #expect(try device.start() == .b)
  }

  @Test("A trial goes back to the previous release, unless its epoch is too low", arguments: LoaderDouble.allCases)
  func rollBack(loader: LoaderDouble) async throws {
    let device = try await DeviceDouble(loader)
    #expect(throws: UpdateFailure.nothingToGoBackTo(.b)) { try device.engine().rollBack() }
    for (version, epoch) in [("2.0", 0), ("3.0", 1)] as [(String, UInt64)] {
      try install(try await device.bundle(Release(version: version, epoch: epoch)), device)
      try device.start()
      #expect(try device.engine().settle() == .watch)
      try device.engine().watch()
      if version == "2.0" {
        try device.engine().rollBack()
        #expect(try device.start() == .a)
        #expect(try device.engine().settle() == .watch)
        try device.engine().watch()
        #expect(try device.start() == .a)
      }
    }
    let failure = #expect(throws: UpdateFailure.self) { try device.engine().rollBack() }
    #expect("\(try #require(failure))".contains("security epoch is 0"))
  }

  @Test("Hooks run in order, receive the details of the update, and can refuse it")
  func hooks() async throws {
    let device = try await DeviceDouble(.grub)
    let bundle = try await device.bundle(Release(version: "2.0"))
    try device.addHook("before-install", "echo on battery; exit 1")
    #expect(throws: UpdateFailure.refusedByHook(name: "10-test", reason: "on battery (status 1)")) {
      try install(bundle, device)
    }
    try device.addHook("before-install", "sleep 60")
    #expect(throws: UpdateFailure.refusedByHook(name: "10-test", reason: "it did not end within 2 seconds")) {
      try install(bundle, device)
    }
    for point in UpdateHooks.Point.allCases {
      try device.addHook(
        point.rawValue,
        "echo $CULTIVAR_POINT $CULTIVAR_SLOT $CULTIVAR_OLD_VERSION $CULTIVAR_VERSION >> '\(device.path("told"))'")
    }
    try install(bundle, device)
    try device.start()
    #expect(try device.engine().settle() == .watch)
    try device.engine().watch()
    #expect(
      try String(contentsOf: device.url("told"), encoding: .utf8) == """
        before-install b 1.0 2.0
        after-install b 1.0 2.0
        before-commit b 2.0 2.0
        after-commit b 2.0 2.0

        """)
  }

  @Test("A hook that fails after the installation drops it; one that fails before the commit ends the trial")
  func failingHooks() async throws {
    let device = try await DeviceDouble(.systemdBoot)
    let bundle = try await device.bundle(Release(version: "2.0"))
    try device.addHook("after-install", "exit 3")
    #expect(throws: UpdateFailure.self) { try install(bundle, device) }
    #expect(try device.start() == .a)
    try device.addHook("after-install", "exit 0")
    try device.addHook("before-commit", "echo no; exit 1")
    try install(bundle, device)
    #expect(try device.start() == .b)
    #expect(try device.engine().settle() == .watch)
    try device.engine().watch()
    #expect(device.restarts == 1)
    #expect(try device.start() == .a)
    #expect(try device.engine().settle() == .nothing)
    #expect(try device.engine().status().history.last?.reason == "10-test refuses: no (status 1)")
  }

  @Test(
    "A power cut between the boot loader's records and the device's is repaired at the next start",
    arguments: LoaderDouble.allCases)
  func cutAroundRecords(loader: LoaderDouble) async throws {
    // Committed, but the state still has the trial.
    let device = try await DeviceDouble(loader)
    try install(try await device.bundle(Release(version: "2.0", epoch: 5)), device)
    try device.start()
    let store = try UpdateStore(in: device.path("data/update"))
    let onTrial = store.state()
    try device.engine().commit()
    try store.save(onTrial)
    #expect(try device.start() == .b)
    #expect(try device.engine().settle() == .nothing)
    #expect(store.state().trial == nil)
    #expect(store.state().securityEpoch == 5)

    // Installed, but not offered to the boot loader.
    try install(try await device.bundle(Release(version: "3.0", epoch: 5)), device)
    var state = store.state()
    state.trial?.isOffered = false
    try store.save(state)
    try device.engine().withBoot { _, loaders in try loaders.withdrawOther() }
    #expect(try device.start() == .b)
    #expect(try device.engine().settle() == .nothing)
    #expect(store.state().history.last?.outcome == .failed)
    #expect(store.state().failed.isEmpty, "an interruption says nothing about a release")

    // On trial, but the data partition was made again.
    try install(try await device.bundle(Release(version: "4.0", epoch: 5)), device)
    #expect(try device.start() == .a)
    try FileManager.default.removeItem(atPath: device.path("data/update"))
    #expect(try device.engine().settle() == .watch)
    try device.engine().watch()
    #expect(try device.start() == .a)
  }

  @Test("Twenty updates in a row, the last one broken", arguments: LoaderDouble.allCases)
  func many(loader: LoaderDouble) async throws {
    let device = try await DeviceDouble(loader)
    var slot = Slot.a
    for round in 1...20 {
      let release = Release(version: "\(round + 1).0", seed: UInt64(round % 3))
      try install(try await device.bundle(release), device)
      slot = slot.other
      #expect(try device.start() == slot)
      #expect(try device.engine().settle() == .watch)
      if round < 20 { try device.engine().watch() }
      #expect(try device.holds(release, in: slot))
    }
    #expect(try device.start() == slot.other)
    #expect(try device.engine().settle() == .nothing)
  }
}
