import DeviceFixtures
import DeviceModel
import Foundation
import HostNetwork
import ManagementAPI
import RemoteDevice
import Synchronization
import TestFixtures
import Testing

@Suite("Updates from the build host")
struct RemoteUpdateTests {
  /// A device and a bundle. The server can be stopped and started again, like in a restart.
  private struct Stage {
    let folder: TemporaryFolder
    let updater: UpdaterDouble
    let device: LoopbackDevice
    let remote: RemoteDevice
    let bundle: URL
    let steps = Steps()

    init(_ updater: UpdaterDouble) throws {
      self.updater = updater
      folder = try TemporaryFolder()
      device = try LoopbackDevice(
        in: folder.path, router: .management(updates: UpdateRoutes(socketPath: updater.path)))
      bundle = try URL(fileURLWithPath: folder.path).writing(
        (0..<700_000).map { UInt8(truncatingIfNeeded: $0) }, to: "station.bundle")
      remote = RemoteDevice(
        DeviceAddress(host: "127.0.0.1", port: device.port), fingerprint: device.certificate.fingerprint,
        token: try #require(BearerToken(LoopbackDevice.token)), network: try HostNetwork([:]))
    }

    func update(patience: Duration = .seconds(20)) -> RemoteUpdate {
      RemoteUpdate(remote, patience: patience, pause: .milliseconds(50), report: steps.add)
    }

    /// Returns the device after a restart: on the same port, with the same certificate.
    func restarted() throws -> LoopbackDevice {
      try LoopbackDevice(
        in: folder.path, router: .management(updates: UpdateRoutes(socketPath: updater.path)), port: device.port)
    }
  }

  private final class Steps: Sendable {
    private let stored = Mutex<[RemoteUpdate.Step]>([])

    var all: [RemoteUpdate.Step] { stored.withLock { $0 } }

    func add(_ step: RemoteUpdate.Step) { stored.withLock { $0.append(step) } }
  }

  private static func record(_ outcome: UpdateRecord.Outcome, _ reason: String? = nil) -> UpdateRecord {
    UpdateRecord(time: 1_800_000_100, outcome: outcome, version: "2.0.0", slot: .b, reason: reason)
  }

  @Test("An update is sent and followed through the restart and the trial until it is committed")
  func committed() async throws {
    let stage = try Stage(try UpdaterDouble())
    defer { stage.updater.stop() }
    let update = stage.update()
    async let outcome = update.run(.files([stage.bundle]))
    while !stage.steps.all.contains(.installed(stage.updater.record)) { try await Task.sleep(for: .milliseconds(20)) }
    stage.device.stop()
    while !stage.steps.all.contains(.away) { try await Task.sleep(for: .milliseconds(20)) }
    let health = HealthReport(problems: ["web is starting"], wellFor: 0, duration: 10, remaining: 290)
    stage.updater.status = .idle(version: "2.0.0", history: [stage.updater.record])
    stage.updater.status.activity = .watching(health)
    let device = try stage.restarted()
    defer { device.stop() }
    while !stage.steps.all.contains(.watching(health)) { try await Task.sleep(for: .milliseconds(20)) }
    let committed = Self.record(.committed)
    stage.updater.status = .idle(version: "2.0.0", history: [stage.updater.record, committed])
    #expect(try await outcome == .committed(committed))
    #expect(stage.updater.bundleBytes == 700_000)
    #expect(stage.steps.all.first == .begun("station.bundle"))
  }

  @Test("The reason of a device that fell back is reported")
  func fellBack() async throws {
    let fallen = Self.record(.rolledBack, "web: ended, status 1")
    let stage = try Stage(
      try UpdaterDouble(installing: { updater, _, _ in
        updater.status = .idle(history: [updater.record, fallen])
        return .installed(updater.record)
      }))
    defer {
      stage.device.stop()
      stage.updater.stop()
    }
    #expect(try await stage.update().run(.files([stage.bundle])) == .fellBack(fallen))
  }

  @Test("If the trial is to wait, the update ends after the installation")
  func waiting() async throws {
    let stage = try Stage(try UpdaterDouble())
    defer {
      stage.device.stop()
      stage.updater.stop()
    }
    let options = UpdateRequest.Options(restart: .no, force: true, allowDowngrade: true)
    let outcome = try await stage.update().run(.files([stage.bundle]), options)
    #expect(outcome == .waiting(stage.updater.record))
    #expect(stage.updater.requests == [.install(source: .stream, options)])
  }

  @Test("Among several bundles, the first one that fits is installed")
  func otherBase() async throws {
    let stage = try Stage(
      try UpdaterDouble(installing: { updater, bytes, _ in
        bytes.count < 100 ? .failure(reason: "the old image is another", .otherBase) : .installed(updater.record)
      }))
    defer {
      stage.device.stop()
      stage.updater.stop()
    }
    let delta = try URL(fileURLWithPath: stage.folder.path).writing("small", to: "station.from-00.bundle")
    let outcome = try await stage.update().run(.files([delta, stage.bundle]), .init(restart: .later))
    #expect(outcome == .waiting(stage.updater.record))
    #expect(stage.steps.all.contains(.doesNotFit("station.from-00.bundle")))
  }

  @Test("A refusal is reported with the device's message")
  func refusal() async throws {
    let stage = try Stage(
      try UpdaterDouble(installing: { _, _, _ in .failure(reason: "the bundle is not trusted", .other) }))
    defer {
      stage.device.stop()
      stage.updater.stop()
    }
    let failure = await #expect(throws: RemoteFailure.self) { try await stage.update().run(.files([stage.bundle])) }
    #expect(failure?.problem == "the device refuses: the bundle is not trusted")
  }

  @Test("A bundle that is refused before it is read is not sent, and the refusal is reported at once")
  func earlyRefusal() async throws {
    let stage = try Stage(
      try UpdaterDouble(installing: { _, _, _ in .failure(reason: "another update is in progress", .busy) }))
    (stage.updater.readsBundles, stage.updater.wantsBundles) = (false, false)
    defer {
      stage.device.stop()
      stage.updater.stop()
    }
    try FileHandle(forWritingTo: stage.bundle).truncate(atOffset: 2 << 30)
    let time = await ContinuousClock().measure {
      let failure = await #expect(throws: RemoteFailure.self) { try await stage.update().run(.files([stage.bundle])) }
      #expect(failure?.problem == "the device refuses: another update is in progress")
    }
    #expect(time < .seconds(4))
  }

  @Test("A refusal in the middle of the transfer is reported, and nothing more is sent")
  func lateRefusal() async throws {
    let stage = try Stage(
      try UpdaterDouble(installing: { _, _, _ in .failure(reason: "the bundle is not trusted", .other) }))
    stage.updater.readsBundles = false
    defer {
      stage.device.stop()
      stage.updater.stop()
    }
    try FileHandle(forWritingTo: stage.bundle).truncate(atOffset: 2 << 30)
    let time = await ContinuousClock().measure {
      let failure = await #expect(throws: RemoteFailure.self) { try await stage.update().run(.files([stage.bundle])) }
      #expect(failure?.problem == "the device refuses: the bundle is not trusted")
    }
    #expect(time < .seconds(10))
  }

  @Test("A device that disconnects several times during its restart is reported once")
  func awayOnce() async throws {
    let stage = try Stage(try UpdaterDouble())
    defer { stage.updater.stop() }
    let update = stage.update()
    async let outcome = update.run(.files([stage.bundle]))
    while !stage.steps.all.contains(.installed(stage.updater.record)) { try await Task.sleep(for: .milliseconds(20)) }
    stage.updater.status = .idle(history: [stage.updater.record])
    stage.device.stop()
    while !stage.steps.all.contains(.away) { try await Task.sleep(for: .milliseconds(20)) }
    // Its services end one after the other: it answers once more, and then no longer.
    let ending = try stage.restarted()
    try await Task.sleep(for: .milliseconds(400))
    ending.stop()
    try await Task.sleep(for: .milliseconds(300))
    let device = try stage.restarted()
    defer { device.stop() }
    stage.updater.status = .idle(version: "2.0.0", history: [stage.updater.record, Self.record(.committed)])
    #expect(try await outcome == .committed(Self.record(.committed)))
    #expect(stage.steps.all.filter { $0 == .away }.count == 1)
  }

  @Test("A device that fetches the bundle itself receives the URL")
  func fetching() async throws {
    let stage = try Stage(try UpdaterDouble())
    defer {
      stage.device.stop()
      stage.updater.stop()
    }
    let server = try LoopbackServer(in: URL(fileURLWithPath: stage.folder.path).appending(path: "server"))
    try server.site.writing("abcdefgh", to: "x.bundle")
    let outcome = try await stage.update().run(
      .url("\(server.url)/x.bundle", serverCertificate: nil), .init(restart: .later))
    #expect(outcome == .waiting(stage.updater.record))
    #expect(try server.requests() == ["/x.bundle"])
  }

  @Test("A device that disappears during the installation was not updated; the wait for a restart ends after a time")
  func gone() async throws {
    let stage = try Stage(
      try UpdaterDouble(installing: { updater, _, _ in
        Thread.sleep(forTimeInterval: 1)
        return .installed(updater.record)
      }))
    defer { stage.updater.stop() }
    let update = stage.update(patience: .seconds(3))
    let first = Task { try await update.run(.files([stage.bundle])) }
    while stage.updater.bundleBytes == nil { try await Task.sleep(for: .milliseconds(20)) }
    stage.device.stop()
    let device = try stage.restarted()
    await #expect(throws: RemoteFailure.notInstalled(stage.remote.address)) { try await first.value }
    let second = Task { try await update.run(.files([stage.bundle])) }
    while !stage.steps.all.contains(.installed(stage.updater.record)) { try await Task.sleep(for: .milliseconds(20)) }
    device.stop()
    await #expect(throws: RemoteFailure.gone(stage.remote.address, seconds: 3)) { try await second.value }
  }

  // MARK: Verification of the device

  @Test("The token is sent only to the device: another certificate is reported, and nothing is sent")
  func otherCertificate() async throws {
    let stage = try Stage(try UpdaterDouble())
    let other = try TemporaryFolder()
    let impostor = try LoopbackDevice(in: other.path, router: .management())
    defer {
      stage.device.stop()
      stage.updater.stop()
      impostor.stop()
    }
    let address = DeviceAddress(host: "127.0.0.1", port: impostor.port)
    let known = stage.device.certificate.fingerprint
    let remote = RemoteDevice(address, fingerprint: known, token: BearerToken(), network: try HostNetwork([:]))
    await #expect(
      throws: RemoteFailure.otherCertificate(address, known: known, found: impostor.certificate.fingerprint)
    ) { try await remote.updateStatus() }
    #expect(
      try await RemoteDevice.presentedFingerprint(at: address, network: HostNetwork([:]))
        == impostor.certificate.fingerprint)
  }

  @Test("A wrong token, a closed port, and a server without TLS are distinguished")
  func failures() async throws {
    let stage = try Stage(try UpdaterDouble())
    defer { stage.updater.stop() }
    let fingerprint = stage.device.certificate.fingerprint
    let address = stage.remote.address
    await #expect(throws: RemoteFailure.tokenRefused(address)) {
      try await RemoteDevice(address, fingerprint: fingerprint, token: BearerToken(), network: HostNetwork([:]))
        .updateStatus()
    }
    stage.device.stop()
    await #expect(throws: RemoteFailure.notReachable(address, reason: "Connection refused")) {
      try await stage.remote.updateStatus()
    }
    let server = try LoopbackServer(in: URL(fileURLWithPath: stage.folder.path).appending(path: "plain"))
    let plain = try DeviceAddress(String(server.url.dropFirst("http://".count)))
    await #expect(throws: RemoteFailure.notReachable(plain, reason: "it does not speak TLS")) {
      try await RemoteDevice.presentedFingerprint(at: plain, network: HostNetwork([:]))
    }
  }
}
