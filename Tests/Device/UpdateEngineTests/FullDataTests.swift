import Bundle
import DeviceFixtures
import DeviceModel
import DeviceRecords
import Foundation
import LinuxSystem
import TestFixtures
import Testing

@testable import UpdateEngine

@Suite(
  "A full data partition",
  .enabled(if: FullFileSystem.isPossible, "mounting takes root and /dev/loop-control"))
struct FullDataTests {
  private typealias Release = DeviceDouble.Release

  private struct Seen: Sendable {
    var kept: [String] = []
    var history: [UpdateRecord] = []
    var again: UpdateRecord?
  }

  @Test(
    "The end of a trial, failures, the clock and a seed are kept, and an update goes through",
    arguments: FullFileSystem.Kind.allCases)
  func records(kind: FullFileSystem.Kind) async throws {
    let device = try await DeviceDouble(.systemdBoot)
    let bundle = try await device.bundle(Release(version: "2.0", seed: 2)).path
    let seen = try FullFileSystem.with(kind, at: device.path("data")) { partition in
      var seen = Seen()
      let log = FailureLog(in: device.path("data"))
      let records = try DeviceRecords(in: device.path("data"))
      try records.reserve()
      try records.saveRandomSeed()
      _ = try device.engine().settle()
      _ = try device.engine().install(from: FileSource(bundle))
      try partition.fill()

      try device.start()
      device.set(problems: ["the data partition is full"])
      _ = try device.engine().settle()
      try device.engine().watch()
      try log.add(FailureRecord(time: 7, slot: .b, message: "recorded while it was full"))
      try records.saveTime(1_900_000_000)
      try records.saveRandomSeed()

      try device.start()
      device.set(problems: [])
      _ = try device.engine().settle()
      seen.kept = log.records.map(\.message) + ["\(records.savedTime)"]
      // All that an installation writes to the data partition has room as well.
      seen.again = try device.engine().install(from: FileSource(bundle), UpdateRequest.Options(force: true))
      seen.history = try device.engine().status().history
      return seen
    }
    #expect(seen.kept == ["recorded while it was full", "1900000000"])
    #expect(seen.history.map(\.outcome) == [.installed, .rolledBack, .installed])
    #expect(seen.history.map(\.reason) == [nil, "the data partition is full", nil])
    #expect(seen.again?.slot == .b)
  }

  @Test(
    "Without room from the beginning a bundle is refused before anything has changed",
    arguments: FullFileSystem.Kind.allCases)
  func neverReserved(kind: FullFileSystem.Kind) async throws {
    let device = try await DeviceDouble(.systemdBoot)
    let bundle = try await device.bundle(Release(version: "2.0", seed: 2)).path
    let before = try Data(contentsOf: device.url("root-b"))
    let failure = try FullFileSystem.with(kind, at: device.path("data")) { partition -> String in
      _ = try UpdateStore(in: device.path("data/update"))
      try partition.fill()
      let engine = try device.engine()
      // The engine starts all the same.
      guard try engine.settle() == .nothing else { return "another task" }
      do {
        _ = try engine.install(from: FileSource(bundle))
        return "none"
      } catch {
        return "\(error)"
      }
    }
    #expect(failure.hasSuffix("No space left on device"))
    #expect(device.notes.contains { $0.hasPrefix("the data partition has no room for records: ") }, "\(device.notes)")
    #expect(try Data(contentsOf: device.url("root-b")) == before)
  }

  @Test("Records that grow without end stay within their room; the newest are kept")
  func bounded() throws {
    let folder = try TemporaryFolder()
    let store = try UpdateStore(in: folder.path)
    var state = UpdateState()
    let long = String(repeating: "\u{1b}ü", count: 2000)
    for number in 0..<100 {
      let release = UpdateState.Release(
        version: "\(number).0", identity: "\(number)", securityEpoch: 0, dataSchema: 0)
      state.note(
        UpdateRecord(time: Timestamp(number), outcome: .rolledBack, version: release.version, slot: .a, reason: long))
      state.noteFailure(of: release, long, isSilent: false)
      try store.save(state)
    }
    #expect(store.state().history.last?.version == "99.0")
    #expect(store.state().failed.last?.version == "99.0")
    let log = FailureLog(in: folder.path)
    for number in 0..<40 { try log.add(FailureRecord(time: Timestamp(number), slot: .a, message: long + "\(number)")) }
    #expect(log.records.last?.message.hasSuffix("39") == true)
    #expect(log.records.last?.message.contains(" … ") == true)
    #expect(log.records.count > 1)
  }

  @Test("A file of earlier software, shorter or longer than the room, keeps its content as far as it fits")
  func earlierSoftware() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/file"
    let file = ReservedFile(path, capacity: 8192)
    try FileTree.replace(path, with: Array("old".utf8))
    try file.reserve()
    #expect(FileTree.line(path) == "old")
    try file.replace(with: Array("new".utf8))
    try file.replace(with: Array("newer".utf8))
    #expect(String(decoding: try file.read().trimmingSpace, as: UTF8.self) == "newer")
    #expect(throws: SystemError.self) { try file.replace(with: [UInt8](repeating: 1, count: 8193)) }
    #expect(FileTree.line(path) == "newer")
    let long = [UInt8](repeating: UInt8(ascii: "x"), count: 10_000)
    try FileTree.replace(path, with: long)
    try file.reserve()
    #expect(try file.read() == long, "it is kept until there is a new content")
    try file.replace(with: Array("after it".utf8))
    #expect(FileTree.line(path) == "after it")
    // A spare that a power cut tore is written anew.
    try FileTree.replace(path + ".spare", with: [0xFF])
    try file.replace(with: Array("newest".utf8))
    #expect(FileTree.line(path) == "newest")
  }
}
