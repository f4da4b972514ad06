import Emulator
import Foundation
import HostSystem
import PowerCuts
import TestFixtures
import Testing

extension Machines {
  /// Updates with real boot loaders, and power cuts during them.
  @Suite
  struct UpdateTests {
    @Test(
      "An update commits; a broken release falls back with its reason; after a power cut at any write a slot starts",
      arguments: Start.tested)
    func updatesAndFallsBack(start: Start) async throws {
      let fixture = UpdateFixture.shared
      let old = try await fixture.image("1.0", Appliances.updated(), for: start)
      let new = try await fixture.image("2.0", Appliances.updated(), for: start)
      let broken = try await fixture.image(
        "3.0",
        start == .systemdBoot
          ? Appliances.updated(check: "http: { port: 8080, path: /missing }", timeout: 10)
          // The kernel finds no program to start, and panics.
          : Appliances.updated("kernel: { arguments: [initcall_blacklist=populate_rootfs] }"), for: start)
      let disk = try await BootFixture.shared.disk(from: old)
      let folder = disk.deletingLastPathComponent()
      defer { FolderTree.remove(folder.path) }
      let before = folder.appending(path: "before.img")
      try await MachineDisk.copy(disk, to: before, size: 2048 << 20)
      let port = VirtualMachine.freePort()
      var machine = VirtualMachine.single(
        disk: disk, firmware: start.firmware, architecture: start.architecture,
        forwards: [.init(host: port, guest: 8080)])
      machine.lend([try await fixture.delta(from: old, to: new), try await fixture.delta(from: new, to: broken)])
      let writes = folder.appending(path: "writes.log")
      try FolderTree.replaceFile(writes.path, with: [])
      machine.writeLog = writes

      try await machine.running(in: folder) { machine in
        try await expectPage("http://127.0.0.1:\(port)/count", "1\n", machine)
        try await machine.waitForConsole(after: 0)
        try await machine.update(from: "/dev/vdb")
        let committed = try await machine.command("history", until: "committed", seconds: 60)
        #expect(committed.contains("2.0  slot b  committed"))
        try await expectPage("http://127.0.0.1:\(port)/count", "2\n", machine)

        try await machine.update(from: "/dev/vdc")
        let left = try await machine.command("history", until: "rolled back", seconds: 240)
        let reason =
          start == .systemdBoot ? "port 8080/missing: the answer is 404" : "it ended without reporting a reason"
        #expect(left.contains("3.0  slot a  rolled back: \(reason)"))
        let slots = try await machine.command("slots").output
        #expect(slots.contains("b  2.0  running, default"))
        #expect(slots.contains("a  -    empty"))
        // A kernel that panics looks like a power cut: that release may be tried again.
        if start == .systemdBoot {
          let again = try await machine.command("update install /dev/vdc")
          #expect(again.status == 1 && again.output.contains("was tried on this device and failed"))
        }
        _ = try await fetch("http://127.0.0.1:\(port)/count", from: machine)
        try await machine.type("poweroff")
        try await machine.waitUntilOff(seconds: 60)
      }
      try await DiskJudge(disk).expectCleanDisk(dataMebibytes: 700...)
      try await expectEveryCutStarts(
        writes, on: before, start, releases: [("1.0", old), ("2.0", new), ("3.0", broken)])
    }

    /// Judges the states after power cuts, and starts some of them.
    private func expectEveryCutStarts(
      _ log: URL, on before: URL, _ start: Start, releases: [(String, URL)]
    ) async throws {
      let table = try await DiskJudge(before).partitions()
      func range(_ name: String) throws -> Range<UInt64> {
        let part = try #require(table.first { $0.name == name })
        return UInt64(part.start * 512)..<UInt64((part.start + part.size) * 512)
      }
      let boot = try range("boot")
      let log = try DiskWriteLog(log)
      var known: [SlotJudge.Release] = []
      for (name, image) in releases { known.append(try await UpdateFixture.shared.release(name, of: image)) }
      func number(_ name: String) throws -> Int { try #require(table.firstIndex { $0.name == name }) + 1 }
      let judge = SlotJudge(
        known, start.double,
        .init(boot: try number("boot"), roots: ["a": try number("root-a"), "b": try number("root-b")]))
      let disk = try CutDisk(before)
      // The partition table, and on the boot partition everything but large files: allocation tables, folders, small
      // files.
      let states = CutStates(
        log, on: disk,
        isImportant: { entry in
          entry.place < 1 << 20 || (boot.contains(entry.place) && entry.length <= 4096)
        }, strides: Patience.isLong ? (1, 1) : (2, 30), mixes: Patience.isLong ? 8 : 2)
      var verdicts: [String: Int] = [:]
      var failures: [String] = []
      var samples: [(state: String, verdict: String, disk: URL)] = []
      let count = try states.forEach { state, disk in
        switch judge.verdict(on: disk) {
        case .success(let slot):
          verdicts[slot, default: 0] += 1
          // Some states are really started, including the first ones with each verdict.
          let seen = verdicts.values.reduce(0, +)
          guard verdicts[slot] == 2 || (Patience.isLong && seen % 400 == 0 && samples.count < 30) else { return }
          let copy = before.deletingLastPathComponent().appending(path: "cut-\(samples.count).img")
          try disk.save(to: copy, base: before)
          samples.append(("\(state)", slot, copy))
        case .failure(let problem): failures.append("\(state): \(problem)")
        }
      }
      print(
        "power cuts (\(start.rawValue)): \(count) states, \(failures.count) without a slot; \(verdicts.sorted { $0.key < $1.key })"
      )
      #expect(failures.prefix(5) == [])
      #expect(Set(verdicts.keys).isSuperset(of: ["a 1.0", "b 2.0"]))
      let started = samples.suffix(Patience.isLong ? 30 : 1)
      for sample in started {
        let machine = VirtualMachine.single(
          disk: sample.disk, firmware: start.firmware, architecture: start.architecture)
        try await machine.running(in: try await BootFixture.shared.newFolder()) { machine in
          let shown = try await machine.wait(for: "web: started", seconds: 240)
          // A release on trial whose kernel panics is given up, and the other slot starts.
          let slot = sample.verdict.prefix(1)
          #expect(
            shown.contains("slot \(slot)") || sample.verdict.hasSuffix("3.0"), "\(sample.state), \(sample.verdict)")
        }
      }
      for sample in samples { FolderTree.remove(sample.disk.path) }
      print("power cuts (\(start.rawValue)): \(started.count) of them started for real")
    }
  }
}
