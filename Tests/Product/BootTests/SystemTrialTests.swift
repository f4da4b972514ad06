import Emulator
import Foundation
import HostSystem
import Testing

extension Machines {
  /// Trials of Debian systems, by the state of systemd.
  @Suite
  struct SystemTrialTests {
    @Test("A system on trial falls back if a service restarts again and again, even if no unit ever fails", .long)
    func restartLoop() async throws {
      let fixture = UpdateFixture.shared
      let old = try await fixture.image("1.0", Self.system())
      let new = try await fixture.image("2.0", Self.system(Self.loop))
      let disk = try await BootFixture.shared.disk(from: old, mebibytes: 4096)
      var machine = VirtualMachine.single(disk: disk, firmware: .uefi, memory: 1024)
      machine.lend([try await fixture.delta(from: old, to: new)])
      _ = try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        let shown = try await machine.wait(for: "2.0  slot b  rolled back", seconds: 1500)
        #expect(shown.contains("slot b, on trial"))
        // The record is shown again and again; a whole line comes next.
        let line = try await machine.wait(for: "2.0  slot b  rolled back: ", after: await machine.mark, seconds: 60)
        let rest = try await machine.wait(for: "a  1.0  running, default", after: await machine.mark, seconds: 60)
        let said = (line + rest).split(separator: "\n").last { $0.contains("rolled back: ") } ?? ""
        #expect(said.contains("loop.service ended and was restarted"), "\(said)")
        #expect(!said.contains("has failed"), "\(said)")
      }
    }

    /// A unit that systemd restarts for ever, and that runs most of the time.
    private static let loop = """
        - path: /etc/systemd/system/loop.service
          content: |
            [Unit]
            StartLimitIntervalSec=0
            [Service]
            ExecStart=/usr/bin/sleep 3
            Restart=always
            RestartSec=500ms
            [Install]
            WantedBy=multi-user.target
      units: { enable: [report.service, loop.service] }
      """

    /// A system that installs the lent bundle if its history is empty, and shows history and slots on the console.
    private static func system(_ rest: String = "units: { enable: [report.service] }") -> String {
      """
      layout: { use: appliance-ab, slot: 1G }
      formats: [bundle]
      kernel: { package: linux-image-cloud-amd64 }
      base: trixie
      profile: debian-minimal
      update: { trust: ./trust.root, health: { duration: 15s, timeout: 40s } }
      files:
        - path: /etc/systemd/system/report.service
          content: |
            [Service]
            ExecStart=/usr/bin/sh /usr/local/bin/report
            [Install]
            WantedBy=multi-user.target
        - path: /usr/local/bin/report
          content: |
            until history=$(cultivarctl history); do sleep 1; done
            [ -n "$history" ] || cultivarctl update install /dev/vdb > /dev/ttyS0 2>&1
            while sleep 2; do (cultivarctl history; cultivarctl slots) > /dev/ttyS0; done
      \(rest)
      """
    }
  }
}
