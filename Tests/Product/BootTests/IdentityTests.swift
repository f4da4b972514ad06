import Emulator
import Foundation
import HostSystem
import PartitionTable
import Testing

extension Machines {
  /// The choice of the boot disk, and boots from damaged or interrupted disks.
  @Suite
  struct IdentityTests {
    private func freshDisk() async throws -> URL {
      try await BootFixture.shared.disk(from: try await BootFixture.shared.image("plain", Appliances.plain))
    }

    /// Boots, waits for the program, and powers off.
    private func startOnce(_ disks: [URL], firmware: VirtualMachine.Firmware = .bios) async throws -> String {
      var machine = VirtualMachine.single(disk: disks[0], firmware: firmware)
      machine.disks = disks
      return try await machine.running(in: disks[0].deletingLastPathComponent()) { machine in
        try await machine.wait(for: "web: started", seconds: 180)
        try await machine.wait(for: "cultivar> ", seconds: 60)
        try await machine.type("poweroff")
        try await machine.waitUntilOff(seconds: 60)
        return await machine.console
      }
    }

    @Test("Two fresh disks from one image are refused; once one has started alone, each is found")
    func twins() async throws {
      let first = try await freshDisk()
      let second = try await freshDisk()
      var both = VirtualMachine.single(disk: first, firmware: .bios)
      both.disks = [first, second]
      try await both.running(in: first.deletingLastPathComponent()) { machine in
        let shown = try await machine.wait(for: "restarting in", seconds: 120)
        #expect(shown.contains("/dev/vda") && shown.contains("/dev/vdb"), "both disks are named")
      }

      _ = try await startOnce([first])
      let own = try await DiskJudge(first).partitions().map(\.uuid)
      let fresh = try await DiskJudge(second).partitions().map(\.uuid)
      #expect(Set(own).isDisjoint(with: fresh), "the started disk has ids of its own")

      let shown = try await startOnce([first, second])
      #expect(shown.contains("started from /dev/vda"))
      #expect(try await DiskJudge(second).partitions().map(\.uuid) == fresh, "the other disk was left alone")
      let other = try await startOnce([second, first], firmware: .uefi)
      #expect(other.contains("started from /dev/vda"))
    }

    @Test("A damaged primary partition table is repaired from the backup")
    func damagedTable() async throws {
      let disk = try await freshDisk()
      _ = try await startOnce([disk])
      let handle = try FileHandle(forUpdating: disk)
      try handle.seek(toOffset: UInt64(GPT.sectorSize))
      try handle.write(contentsOf: Data(repeating: 0xff, count: GPT.sectorSize))
      try handle.close()
      // By UEFI: the firmware reads both tables, but GRUB only the primary one.
      _ = try await startOnce([disk], firmware: .uefi)
      try await DiskJudge(disk).expectCleanDisk(dataMebibytes: 700...)
    }

    // Power cuts at every write of a first start are judged together with those of updates.
    @Test("A disk still starts after a power cut during the first start", arguments: Patience.isLong ? [1, 3, 6] : [3])
    func cut(tenths: Int) async throws {
      let disk = try await freshDisk()
      let machine = VirtualMachine.single(disk: disk, firmware: .bios)
      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        try await machine.wait(for: "first boot", seconds: 120)
        try await Task.sleep(for: .milliseconds(tenths * 100))
        try await machine.switchOff()
      }
      _ = try await startOnce([disk])
      try await DiskJudge(disk).expectCleanDisk(dataMebibytes: 700...)
    }

    @Test("A slot without a file system is reported on the console, and the machine restarts")
    func brokenRoot() async throws {
      let disk = try await freshDisk()
      let root = try #require(try await DiskJudge(disk).partitions().first { $0.name == "root-a" })
      let handle = try FileHandle(forUpdating: disk)
      try handle.seek(toOffset: UInt64(root.start * 512))
      try handle.write(contentsOf: Data(repeating: 0, count: 8192))
      try handle.close()
      let machine = VirtualMachine.single(disk: disk, firmware: .bios)
      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        let shown = try await machine.wait(for: "restarting in 10 seconds", seconds: 120)
        #expect(shown.contains("cannot start the device: cannot mount /dev/vda3 (erofs)"))
        try await machine.wait(for: "Restarting system", seconds: 30)
      }
    }
  }
}
