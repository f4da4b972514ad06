import Bundle
import BundleMaking
import DeviceModel
import DeviceRecords
import Foundation
import TestFixtures
import Testing

@testable import UpdateEngine

@Suite("Updates of a device that a Raspberry Pi's firmware starts")
struct TrybootUpdateTests {
  private typealias Release = DeviceDouble.Release

  private func install(_ release: Release, _ device: DeviceDouble, _ restart: UpdateRequest.Restart = .now) async throws
  {
    _ = try device.engine().install(
      from: try FileSource(try await device.bundle(release).path), UpdateRequest.Options(restart: restart))
  }

  @Test("After an installation, the restart has the argument that begins the trial")
  func restart() async throws {
    let device = try await DeviceDouble(.tryboot)
    try await install(Release(version: "2.0"), device)
    let argument = device.url("boot/\(LoaderDouble.TrybootFile.argument)")
    #expect(!FileManager.default.fileExists(atPath: argument.path))
    try device.engine().restart()
    #expect(device.restarts == 1)
    #expect(try String(contentsOf: argument, encoding: .utf8) == "0 tryboot")
    #expect(try device.start(isPowerCut: true) == .b)
    #expect(try device.engine().settle() == .watch)
  }

  @Test("An update that waits for the next power-on is tried by a second, immediate restart")
  func powerOn() async throws {
    let device = try await DeviceDouble(.tryboot)
    try await install(Release(version: "2.0"), device, .later)
    #expect(try device.engine().settle() == .nothing, "in the same run, the trial waits")
    #expect(try device.start(isPowerCut: true) == .a)
    let engine = try device.engine()
    #expect(try engine.settle() == .restart)
    #expect(try engine.status().trial?.version == "2.0")
    try engine.restartIntoTrial()
    #expect(device.restarts == 1)
    #expect(try device.start(isPowerCut: true) == .b)
    #expect(try device.engine().settle() == .watch)
    try device.engine().watch()
    #expect(try device.start(isPowerCut: true) == .b)
    #expect(try device.engine().status().history.map(\.outcome) == [.installed, .committed])
  }

  @Test("A held release does not restart the device, and waits for its request")
  func held() async throws {
    let device = try await DeviceDouble(.tryboot)
    try await install(Release(version: "2.0"), device, .no)
    #expect(try device.start(isPowerCut: true) == .a)
    #expect(try device.engine().settle() == .nothing)
    try device.engine().tryHeld()
    try device.engine().restart()
    #expect(try device.start(isPowerCut: true) == .b)
  }

  @Test("A power cut between the record of the trial and the restart gives the trial up without blame")
  func cutBeforeRestart() async throws {
    let device = try await DeviceDouble(.tryboot)
    try await install(Release(version: "2.0"), device)
    try device.engine().restart()
    try FileManager.default.removeItem(at: device.url("boot/\(LoaderDouble.TrybootFile.argument)"))
    #expect(try device.start(isPowerCut: true) == .a)
    #expect(try device.engine().settle() == .nothing)
    #expect(device.restarts == 1, "the device does not restart again and again")
    let last = try #require(try device.engine().status().history.last)
    #expect(last.outcome == .rolledBack)
    #expect(last.reason == "it ended without reporting a reason: it hung, crashed, or lost power")
    try await install(Release(version: "2.0"), device)
    try device.engine().restart()
    #expect(try device.start(isPowerCut: true) == .b)
  }

  @Test("A restart for a trial that cannot be recorded is not made")
  func unwritable() async throws {
    let device = try await DeviceDouble(.tryboot)
    try await install(Release(version: "2.0"), device, .later)
    #expect(try device.start(isPowerCut: true) == .a)
    let engine = try device.engine()
    #expect(try engine.settle() == .restart)
    let configuration = device.url("boot/\(LoaderDouble.TrybootFile.configuration)")
    try Data([UInt8](repeating: 0, count: 1 << 20)).write(to: configuration)
    #expect(throws: (any Error).self) { try engine.restartIntoTrial() }
    #expect(device.restarts == 0)
  }

  @Test("A default that the firmware cannot start: the other slot runs, and has to prove itself")
  func walk() async throws {
    let device = try await DeviceDouble(.tryboot)
    try await install(Release(version: "2.0"), device)
    try device.start()
    #expect(try device.engine().settle() == .watch)
    try device.engine().watch()
    // The default is slot B, and its boot partition is damaged.
    let partition = device.url("boot/\(LoaderDouble.TrybootFile.slots[1])")
    try Data([UInt8](repeating: 0, count: 3 << 20)).write(to: partition)
    #expect(try device.start(isPowerCut: true) == .a)
    let engine = try device.engine()
    #expect(try engine.status().slots.map(\.isStartable) == [true, false])
    #expect(try engine.settle() == .nothing)
    try await install(Release(version: "3.0"), device)
    #expect(try device.start() == .b)
    #expect(try device.holds(Release(version: "3.0"), in: .b))
  }

  @Test("A release whose images are those of another boot loader, or too large, is refused before the first write")
  func refusals() async throws {
    let device = try await DeviceDouble(.tryboot)
    let before = try Data(contentsOf: device.url("boot/\(LoaderDouble.TrybootFile.slots[1])"))
    let other = try await DeviceDouble(.grub)
    let bundle = try await other.bundle(Release(version: "2.0"), by: device.signer)
    #expect(throws: UpdateFailure.otherImages(missing: ["boot"])) {
      try device.engine().install(from: try FileSource(bundle.path))
    }
    try Data([UInt8](repeating: 0, count: 1 << 20))
      .write(to: device.url("boot/\(LoaderDouble.TrybootFile.slots[1])"))
    let failure = await #expect(throws: BundleFailure.self) { try await install(Release(version: "2.0"), device) }
    guard case .tooLarge("boot", _, 1 << 20)? = failure else {
      Issue.record("\(String(describing: failure))")
      return
    }
    #expect(before.allSatisfy { $0 == 0 })
  }
}
