import Emulator
import Flashing
import Foundation
import HostSystem
import TestFixtures
import Testing

extension Machines {
  /// Boots of real images by real boot loaders.
  @Suite
  struct BootTests {
    @Test(
      "An image starts its program, keeps data and first-start values over a reboot, and leaves clean file systems",
      // Updates are tested by UEFI.
      arguments: Patience.isLong ? [VirtualMachine.Firmware.uefi, .bios] : [.bios])
    func startsAndKeeps(firmware: VirtualMachine.Firmware) async throws {
      let image = try await BootFixture.shared.image("plain", Appliances.plain)
      let disk = try await BootFixture.shared.disk(from: image)
      try await FirstBootFile.write(
        try FirstBootFile.values(["hostname=attic", "wifi-ssid=roof"]), to: disk.path, tool: hostTool)
      let port = VirtualMachine.freePort()
      let statusPort = VirtualMachine.freePort()
      let machine = VirtualMachine.single(
        disk: disk, firmware: firmware,
        forwards: [.init(host: port, guest: 8080), .init(host: statusPort, guest: 8081)])

      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        try await expectPage("http://127.0.0.1:\(port)/count", "1\n", machine)
        let status = try await managementStatus(port: statusPort, of: machine)
        #expect(status.contains("\"version\":\"1.2.3\""))
        #expect(status.contains("\"slot\":\"a\""))
        #expect(status.contains("\"hostname\":\"attic\""))
        #expect(status.contains("`wifi-ssid`: no effect: the image is an appliance"))

        var mark = await machine.mark
        _ = try await machine.command("kill web KILL")
        try await machine.wait(for: "web: started", after: mark, seconds: 30)
        try await expectPage("http://127.0.0.1:\(port)/count", "2\n", machine)

        mark = await machine.mark
        try await machine.type("reboot")
        try await machine.wait(for: "Restarting system", after: mark, seconds: 60)
        try await expectPage("http://127.0.0.1:\(port)/count", "3\n", machine)
        let second = try await managementStatus(port: statusPort, of: machine)
        #expect(second.contains("\"hostname\":\"attic\""))

        try await machine.wait(for: "cultivar> ", after: mark, seconds: 60)
        try await machine.type("poweroff")
        try await machine.waitUntilOff(seconds: 60)
        let shown = await machine.console
        #expect(shown.contains("extending the data partition"))
        #expect(!shown.contains("cannot load module"), "every module that is asked for is in the image")
        #expect(!shown.contains("the watchdog"), "a restart that was asked for is not the watchdog's")
      }
      try await DiskJudge(disk).expectCleanDisk(dataMebibytes: 700...)
    }

    @Test("The power button shuts an appliance down in order")
    func powerButton() async throws {
      let image = try await BootFixture.shared.image("plain", Appliances.plain)
      let disk = try await BootFixture.shared.disk(from: image)
      let machine = VirtualMachine.single(disk: disk, firmware: .bios)
      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        try await machine.wait(for: "web: started", seconds: 120)
        try await machine.pressPowerButton()
        try await machine.waitUntilOff(seconds: 60)
        let shown = await machine.console
        #expect(shown.contains("web: stopped"))
      }
      try await DiskJudge(disk).expectCleanDisk(dataMebibytes: 700...)
    }

    @Test(
      "The root file system can also be squashfs or ext4, and the initial RAM file system uncompressed",
      arguments: Patience.isLong ? ["squashfs", "ext4"] : ["ext4"])
    func otherRoots(kind: String) async throws {
      let more = kind == "ext4" ? "\nkernel: { initrd: plain }" : ""
      let image = try await BootFixture.shared.image("plain", Appliances.plain(root: kind) + more)
      let disk = try await BootFixture.shared.disk(from: image)
      let port = VirtualMachine.freePort()
      let machine = VirtualMachine.single(disk: disk, firmware: .bios, forwards: [.init(host: port, guest: 8080)])
      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        try await expectPage("http://127.0.0.1:\(port)/count", "1\n", machine)
        let shown = await machine.console
        #expect(shown.contains("(\(kind))"))
      }
    }

    @Test("A disk of more than four gibibytes is used to its end")
    func largeDisk() async throws {
      let image = try await BootFixture.shared.image("plain", Appliances.plain)
      let disk = try await BootFixture.shared.disk(from: image, mebibytes: 6500)
      let machine = VirtualMachine.single(disk: disk, firmware: .bios)
      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        try await machine.wait(for: "web: started", seconds: 120)
        try await machine.wait(for: "cultivar> ", seconds: 60)
        try await machine.type("poweroff")
        try await machine.waitUntilOff(seconds: 60)
      }
      try await DiskJudge(disk).expectCleanDisk(dataMebibytes: 5000...)
    }

    @Test("A program that is PID 1 itself has the root and the data partition, and its end restarts the machine")
    func ownInit() async throws {
      let script = "echo own init is process $$; busybox grep -c /data /proc/mounts; busybox sleep 2; exit 0"
      let image = try await BootFixture.shared.image("own", Appliances.ownInit(script))
      let disk = try await BootFixture.shared.disk(from: image)
      let machine = VirtualMachine.single(disk: disk, firmware: .bios)
      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        try await machine.wait(for: "own init is process 1", seconds: 120)
        let mark = await machine.mark
        try await machine.wait(for: "Kernel panic", after: mark, seconds: 30)
        try await machine.wait(for: "own init is process 1", after: mark, seconds: 120)
      }
    }
  }
}
