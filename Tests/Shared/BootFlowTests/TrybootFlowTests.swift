import DeviceFixtures
import DeviceModel
import Foundation
import LinuxSystem
import PowerCuts
import RaspberryPi
import TestFixtures
import Testing

@testable import BootFlow

@Suite("The boot flow of a Raspberry Pi's firmware")
struct TrybootFlowTests {
  /// The partitions of a device as files, with slot B sealed as after an installation.
  private struct Device {
    let temporary: TemporaryFolder
    let folder: BootFolder
    let flow: TrybootFlow

    init() throws {
      temporary = try TemporaryFolder()
      folder = BootFolder(temporary.path)
      let entry = BootEntry(slot: .a, title: "", version: "", arguments: ["ro", "panic=10"])
      try LoaderDouble.tryboot.fill(folder, with: entry)
      flow = try TrybootFlow(LoaderDouble.record(folder))
    }

    func start() throws -> String? { try LoaderDouble.tryboot.start(URL(fileURLWithPath: temporary.path)) }

    func partition(_ slot: Slot) throws -> SlotBootPartition {
      let record = try #require(LoaderDouble.record(folder).boot(of: slot))
      return SlotBootPartition(slot, number: record.number, on: try BlockDevice(record.path, writable: true))
    }

    func bytes(_ slot: Slot) throws -> [UInt8] {
      try #require(try folder.read(LoaderDouble.TrybootFile.slots[slot == .a ? 0 : 1], limit: 1 << 24))
    }

    func autoboot() throws -> [UInt8] {
      var text: [UInt8] = []
      let folder = URL(fileURLWithPath: temporary.path)
      let image = folder.appending(path: LoaderDouble.TrybootFile.configuration).path
      text = Array(try Judge("mtype").run(["-i", image, "::autoboot.txt"], in: folder).output.utf8)
      return text
    }
  }

  private static let entry = BootEntry(slot: .b, title: "", version: "", arguments: [])

  @Test("autoboot.txt names the slots' partitions, has one length, and lines of less than 98 characters")
  func autoboot() throws {
    let device = try Device()
    #expect(try device.autoboot() == TrybootFlow.autoboot(numbers: (2, 3)))
    for trial in [Autoboot.Trial.none, .waiting, .begun] {
      let bytes = Autoboot(standard: 3, other: 2, trial: trial).bytes
      #expect(bytes.count == Autoboot.length)
      #expect(AutobootText.problems(of: bytes) == [])
      #expect(ConfigText(bytes).lines.allSatisfy { !$0.isCut })
      #expect(AutobootText(bytes) == AutobootText(partition: 3, trialPartition: trial == .none ? nil : 2))
      #expect(Autoboot(bytes, of: [2, 3]) == Autoboot(standard: 3, other: 2, trial: trial))
      #expect(Autoboot(bytes, of: [4, 5]) == nil)
    }
    try device.flow.offer(Self.entry)
    #expect(try device.autoboot() == Autoboot(standard: 2, other: 3, trial: .waiting).bytes)
  }

  @Test("A trial waits across losses of power, until a restart with the argument begins it")
  func waits() throws {
    let device = try Device()
    #expect(try device.flow.beginTrial() == nil)
    try device.flow.offer(Self.entry)
    #expect(try device.start() == "a", "the power was cut")
    #expect(try device.flow.choice() == BootChoice(standard: .a, trial: .init(.b, isSpent: false)))
    #expect(try device.flow.beginTrial() == "0 tryboot")
    #expect(try device.flow.choice() == BootChoice(standard: .a, trial: .init(.b, isSpent: true)))
    #expect(try device.flow.beginTrial() == nil)
    #expect(try device.start() == "a", "the power was cut before the restart")
  }

  @Test("A restart with the argument starts the default if no trial is on offer")
  func stray() throws {
    let device = try Device()
    try device.flow.offer(Self.entry)
    try device.flow.withdraw(.b)
    try device.folder.create(LoaderDouble.TrybootFile.argument, Array(TrybootFlow.restartArgument.utf8))
    #expect(try device.start() == "a")
  }

  @Test("Only the seal and the letter of the slot differ from the release's image")
  func image() throws {
    let device = try Device()
    let image = try device.bytes(.a)
    func converted(_ slot: Slot) throws -> [UInt8] {
      var bytes = try device.bytes(slot)
      let image = try SlotBootPartition.Image(of: device.partition(slot))
      // In pieces, of which one begins within the first sector.
      for range in [0..<100, 100..<700, 700..<bytes.count] {
        bytes.withUnsafeMutableBytes {
          image.convert(UnsafeMutableRawBufferPointer(rebasing: $0[range]), at: UInt64(range.lowerBound))
        }
      }
      return bytes
    }
    #expect(try converted(.a) == image)
    #expect(try converted(.b) == image)
    try device.flow.offer(Self.entry)
    let b = try device.bytes(.b)
    let different = image.indices.filter { image[$0] != b[$0] }
    #expect(different.count == 1)
    #expect(try converted(.b) == image)
    #expect(try device.flow.entry(of: .b)?.arguments == ["ro", "panic=10"])
    try device.flow.withdraw(.b)
    #expect(try device.bytes(.b)[512...] == image[512...])
    #expect(try device.flow.entry(of: .b) == nil)
  }

  @Test("A sealed slot is not started, even if the default cannot be")
  func sealed() throws {
    let device = try Device()
    try device.partition(.a).seal()
    #expect(try device.start() == nil)
    #expect(try device.flow.choice() == BootChoice(standard: nil))
    try device.partition(.b).unseal()
    #expect(try device.start() == "a", "slot B is complete, but names slot A as it was not offered")
    #expect(try device.flow.entry(of: .b) == nil)
  }

  @Test("A slot that is empty or damaged cannot be offered or committed", arguments: [true, false])
  func damaged(isEmpty: Bool) throws {
    let device = try Device()
    let storage = try device.partition(.b).storage
    let sectors = isEmpty ? 0..<storage.sectorCount : 1..<40
    try storage.write([UInt8](repeating: 0, count: sectors.count * 512), at: sectors.lowerBound)
    #expect(throws: BootFlowFailure.notStartable(.b)) { try device.flow.offer(Self.entry) }
    #expect(throws: BootFlowFailure.notStartable(.b)) { try device.flow.commit(.b) }
    try device.flow.withdraw(.b)
    #expect(try device.start() == "a")
    #expect(try device.flow.choice() == BootChoice(standard: .a))
  }

  @Test("An autoboot.txt of somebody else is replaced by the next change; a missing one is an error with a remedy")
  func foreign() throws {
    let device = try Device()
    let image = "\(device.temporary.path)/\(LoaderDouble.TrybootFile.configuration)"
    let other = "\(device.temporary.path)/other"
    try Data([UInt8](repeating: 0x23, count: Autoboot.length)).write(to: URL(fileURLWithPath: other))
    let folder = URL(fileURLWithPath: device.temporary.path)
    #expect(try Judge("mcopy").run(["-o", "-i", image, other, "::autoboot.txt"], in: folder).status == 0)
    #expect(try device.start() == "a")
    #expect(try device.flow.choice() == BootChoice(standard: .a))
    try device.flow.offer(Self.entry)
    #expect(try device.flow.choice().trial == .init(.b, isSpent: false))
    #expect(try Judge("mdel").run(["-i", image, "::autoboot.txt"], in: folder).status == 0)
    let failure = #expect(throws: BootFlowFailure.self) { try device.flow.commit(.a) }
    #expect(failure?.description.contains("Write the image to the disk again") == true)
  }

  // MARK: Power cuts

  /// A partition of a recorded disk.
  private struct RecordedPartition: SectorStorage {
    let disk: DiskWriteRecorder
    let range: Range<Int>
    let path = "recorded"

    var sectorCount: UInt64 { UInt64(range.count / 512) }
    func read(_ lba: UInt64, _ count: Int) throws -> [UInt8] {
      let start = min(range.upperBound, range.lowerBound + Int(lba) * 512)
      return Array(disk.bytes[start..<min(range.upperBound, start + count * 512)])
    }
    func write(_ bytes: [UInt8], at lba: UInt64) throws { disk.write(bytes, at: range.lowerBound + Int(lba) * 512) }
    func synchronise() throws { disk.flush() }
  }

  @Test("Every cut of three updates leaves a slot that starts, with and without the one-shot flag")
  func cuts() async throws {
    func release(_ version: String) throws -> FirmwareJudge.Release {
      let entry = BootEntry(slot: .a, title: "", version: version, arguments: ["ro", "release=\(version)"])
      var random = SeededGenerator(seed: UInt64(version.utf8.reduce(0) { $0 &* 31 &+ Int($1) }))
      func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }
      let files = ["kernel8.img": bytes(300_000), "initrd": bytes(150_000)]
      return FirmwareJudge.Release(name: version, boot: try LoaderDouble.bootImage(entry, files), root: bytes(400_000))
    }
    let releases = try ["1.0", "2.0", "3.0", "4.0"].map(release)
    let empty = [UInt8](repeating: 0, count: releases[0].boot.count)
    let root = CardImage.Partition(type: 0x83, releases[0].root)
    let card = CardImage([
      .init(try LoaderDouble.configurationImage()), .init(releases[0].boot), .init(empty), root,
      .init(type: 0x83, [UInt8](repeating: 0, count: releases[0].root.count)),
    ])
    let disk = DiskWriteRecorder(card.bytes)
    func partition(_ number: Int) throws -> RecordedPartition {
      RecordedPartition(disk: disk, range: try #require(card.places[number]))
    }
    let boots = try [
      SlotBootPartition(.a, number: 2, on: partition(2)), SlotBootPartition(.b, number: 3, on: partition(3)),
    ]
    let flow = TrybootFlow(configuration: try partition(1), boots)

    /// Installs a release in pieces, with a flush now and then, as the installer does.
    func install(_ release: FirmwareJudge.Release, in slot: Slot) throws {
      try flow.withdraw(slot)
      let image = try SlotBootPartition.Image(of: boots[slot == .a ? 0 : 1])
      for (content, number) in [(release.root, slot == .a ? 5 : 6), (release.boot, slot == .a ? 2 : 3)] {
        let target = try partition(number)
        let padded = content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
        for start in stride(from: 0, to: padded.count, by: 96 << 10) {
          var piece = Array(padded[start..<min(start + 96 << 10, padded.count)])
          if number < 4 { piece.withUnsafeMutableBytes { image.convert($0, at: UInt64(start)) } }
          try target.write(piece, at: UInt64(start / 512))
          if start % (288 << 10) == 0 { try target.synchronise() }
        }
        try target.synchronise()
      }
      try flow.offer(BootEntry(slot: slot, title: "", version: "", arguments: []))
    }
    try install(releases[1], in: .b)
    #expect(try flow.beginTrial() == "0 tryboot")
    try flow.commit(.b)
    try install(releases[2], in: .a)
    #expect(try flow.beginTrial() == "0 tryboot")
    // It falls back: the next update goes to the same slot.
    try install(releases[3], in: .a)
    #expect(try flow.beginTrial() == "0 tryboot")
    try flow.commit(.a)

    try await withTemporaryFolder { folder in
      let (log, copy) = (folder.appending(path: "log"), folder.appending(path: "disk"))
      try disk.save(to: log)
      try Data(card.bytes).write(to: copy)
      let judge = FirmwareJudge(
        releases, FirmwareDouble(.pi4), ["a": .init(boot: 2, root: 5), "b": .init(boot: 3, root: 6)])
      var seen: Set<String> = []
      let states = CutStates(try DiskWriteLog(log), on: try CutDisk(copy))
      let count = states.forEach { state, disk in
        for restart in [Restart.powerOn, Restart(argument: TrybootFlow.restartArgument)] {
          switch judge.verdict(on: disk, after: restart) {
          case .success(let verdict): seen.insert("\(restart.isTrial ? "trial" : "default") \(verdict)")
          case .failure(let problem): Issue.record("\(state): \(problem)")
          }
        }
      }
      print("tryboot: \(count) cuts, each judged with and without the flag; seen: \(seen.sorted())")
      #expect(count > 200)
      #expect(
        seen == [
          "default a 1.0", "trial a 1.0", "trial b 2.0", "default b 2.0", "trial a 3.0", "trial a 4.0", "default a 4.0",
        ])
    }
  }
}
