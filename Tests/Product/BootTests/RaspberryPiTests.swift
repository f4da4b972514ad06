import Emulator
import Foundation
import HostSystem
import Testing

extension Machines {
  /// Raspberry Pi 3 in QEMU, with Debian's U-Boot and an emulated SD card.
  @Suite(.enabled(if: BootFixture.hasForeignExecutable, "there is no device executable for arm64"))
  struct RaspberryPiTests {
    @Test(
      "An appliance starts from a master boot record and grows; an update commits; a broken release falls back", .long)
    func appliance() async throws {
      let fixture = UpdateFixture.shared
      let old = try await fixture.image("1.0", Appliances.updated(timeout: 120), for: .raspberryPi)
      let new = try await fixture.image("2.0", Appliances.updated(timeout: 120), for: .raspberryPi)
      let broken = try await fixture.image(
        "3.0", Appliances.updated(check: "http: { port: 8080, path: /missing }", timeout: 10), for: .raspberryPi)
      let disk = try await BootFixture.shared.disk(from: old)
      let folder = disk.deletingLastPathComponent()
      defer { FolderTree.remove(folder.path) }
      let port = VirtualMachine.freePort()
      var machine = VirtualMachine.single(
        disk: disk, firmware: .raspberryPi, architecture: .arm64, forwards: [.init(host: port, guest: 8080)])
      machine.lend([try await fixture.delta(from: old, to: new), try await fixture.delta(from: new, to: broken)])

      try await machine.running(in: folder) { machine in
        try await machine.waitForConsole(after: 0)
        let shown = await machine.console
        #expect(shown.contains("started from /dev/mmcblk0, slot a\n"))
        #expect(shown.contains("first boot: /dev/mmcblk0 gets its own IDs"))
        #expect(shown.contains("extending the data partition of /dev/mmcblk0 to the end of the disk"))
        try await expectPage("http://127.0.0.1:\(port)/count", "1\n", machine)

        try await update(machine)
        #expect(await machine.console.contains("slot b, on trial"))
        let committed = try await machine.command("history", until: "committed", seconds: 120)
        #expect(committed.contains("2.0  slot b  committed"))
        try await expectPage("http://127.0.0.1:\(port)/count", "2\n", machine)

        try await update(machine)
        let left = try await machine.command("history", until: "rolled back", seconds: 400)
        #expect(left.contains("3.0  slot a  rolled back: port 8080/missing: the answer is 404"))
        #expect(try await machine.command("slots").output.contains("b  2.0  running, default"))
        try await machine.type("poweroff")
        try await machine.waitUntilOff(seconds: 60)
      }
      try await DiskJudge(disk).expectCleanDisk(dataMebibytes: 700...)
    }

    /// Installs the release whose delta bundle is for the running one. The kernel finds the USB disks in any order.
    private func update(_ machine: RunningMachine) async throws {
      let before = await machine.mark
      for disk in ["/dev/sda", "/dev/sdb"] {
        let answer = try await machine.command("update install \(disk)", seconds: 400)
        if answer.status == 0 { break }
        #expect(answer.output.contains("is not the one that the bundle was made from"))
      }
      try await machine.wait(for: "Restarting system", after: before, seconds: 180)
      try await machine.waitForConsole(after: await machine.mark)
    }
  }
}
