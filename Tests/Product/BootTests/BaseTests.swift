import Emulator
import Foundation
import HostSystem
import Testing

extension Machines {
  /// Systems based on published images.
  @Suite
  struct BaseTests {
    @Test(
      "A system on a published root starts the root's own kernel, and no unit misses the original disk")
    func start() async throws {
      let ground = try await BootFixture.shared.image(
        "ground",
        """
        layout: { use: system-single }
        kernel: { package: linux-image-cloud-amd64 }
        base: trixie
        profile: debian-minimal
        steps: { publish: { phase: image, in: sandbox, script: ./publish } }
        """,
        scripts: [
          "publish": """
          #!/bin/sh -eu
          echo '/dev/mmcblk0p2 / ext4 defaults 0 1' > "$CULTIVAR_ROOT/etc/fstab"
          echo '/dev/mmcblk0p1 /boot/firmware vfat defaults 0 2' >> "$CULTIVAR_ROOT/etc/fstab"
          mke2fs -q -t ext4 -d "$CULTIVAR_ROOT" published 600M

          """
        ])
      let image = try await BootFixture.shared.image(
        "upon", Self.system(ground.deletingLastPathComponent().appending(path: "published")))
      let disk = try await BootFixture.shared.disk(from: image, mebibytes: 4096)
      let machine = VirtualMachine.single(disk: disk, firmware: .uefi, memory: 1024)
      _ = try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        try await machine.wait(for: "upon the base: running overlay 0", seconds: 400)
      }
    }

    /// Returns a system that reports on the console: its state, its root, and the number of failed units.
    private static func system(_ base: URL) -> String {
      """
      layout: { use: system-ab, slot: 600M }
      base: { image: \(base.path) }
      files:
        - path: /etc/systemd/system/report.service
          content: |
            [Service]
            ExecStart=/usr/bin/sh /usr/local/bin/report
            [Install]
            WantedBy=multi-user.target
        - path: /usr/local/bin/report
          content: |
            state=$(systemctl is-system-running --wait)
            failed=$(systemctl --failed --no-legend | wc -l)
            echo "upon the base: $state $(findmnt -n -o FSTYPE /) $failed" > /dev/ttyS0
      units: { enable: [report.service] }
      """
    }
  }
}
