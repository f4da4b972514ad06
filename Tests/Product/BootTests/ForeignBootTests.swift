import Emulator
import Foundation
import HostSystem
import Testing

extension Machines {
  /// Images for another architecture than the build host's.
  @Suite(.enabled(if: BootFixture.hasForeignExecutable, "there is no device executable for arm64"))
  struct ForeignBootTests {
    @Test("An appliance for arm64 starts by UEFI, runs its program, and keeps its data over a reboot")
    func appliance() async throws {
      let image = try await BootFixture.shared.image("arm", Appliances.plain, device: "generic-arm64")
      let disk = try await BootFixture.shared.disk(from: image)
      let port = VirtualMachine.freePort()
      let machine = VirtualMachine.single(
        disk: disk, firmware: .uefi, architecture: .arm64, forwards: [.init(host: port, guest: 8080)])
      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        try await expectPage("http://127.0.0.1:\(port)/count", "1\n", machine)
        try await machine.wait(for: "cultivar> ", seconds: 60)
        let mark = await machine.mark
        try await machine.type("reboot")
        try await machine.wait(for: "web: started", after: mark, seconds: 300)
        try await expectPage("http://127.0.0.1:\(port)/count", "2\n", machine)
        try await machine.pressPowerButton()
        try await machine.waitUntilOff(seconds: 120)
      }
      try await DiskJudge(disk).expectCleanDisk(dataMebibytes: 700...)
    }

    @Test("A Debian for arm64, made with native twins, starts without failed units", .long)
    func system() async throws {
      let image = try await BootFixture.shared.image(
        "debian",
        """
        layout: { use: system-single, root: ext4 }
        kernel: { package: linux-image-cloud-arm64 }
        base: trixie
        hostname: arm
        layers: [debian-minimal]
        steps:
          machine: { phase: last, run: "echo made on $(uname -m) > /etc/issue" }
        """, device: "generic-arm64")
      let disk = try await BootFixture.shared.disk(from: image)
      let machine = VirtualMachine.single(disk: disk, firmware: .uefi, architecture: .arm64, memory: 1024)
      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        let shown = try await machine.wait(for: "arm login: ", seconds: 600)
        #expect(shown.contains("made on aarch64"))
        #expect(!shown.contains("FAILED"))
      }
    }
  }
}
