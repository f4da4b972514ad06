import Emulator
import Foundation
import Testing

extension Machines {
  /// Kernels of suites after Debian 13, which consist of several packages.
  @Suite
  struct KernelPartsTests {
    @Test("An appliance starts with a kernel that consists of several packages")
    func start() async throws {
      let image = try await BootFixture.shared.image(
        "parts",
        """
        layout: appliance-ab
        kernel: { package: linux-image-cloud-amd64, suite: forky }
        programs:
          - debian: { packages: [busybox-static], executable: /bin/busybox }
            name: rest
            arguments: [sleep, "1000"]
        """, archive: "snapshot: true")
      let disk = try await BootFixture.shared.disk(from: image, mebibytes: 2048)
      let machine = VirtualMachine.single(disk: disk, firmware: .uefi, memory: 512)
      _ = try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        try await machine.wait(for: "cultivar: rest: started", seconds: 200)
      }
    }
  }
}
