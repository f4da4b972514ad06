import BootFlow
import DeviceModel
import Foundation
import LinuxSystem
import PartitionTable
import Synchronization
import TestFixtures
import Testing

@testable import UpdateEngine

@Suite("Updates of the boot loaders themselves")
struct LoaderUpdateTests {
  /// Makes a disk as a file, with GRUB in a BIOS boot partition.
  private func disk(in folder: URL, _ code: (UInt64) -> GrubBootCode) throws -> URL {
    let file = folder.appending(path: "disk")
    let verdict = try Judge("sh").run([
      "-e", "-c",
      "truncate -s 16M '\(file.path)'; printf 'label: gpt\nfirst-lba: 2048\nsize=1MiB, type=21686148-6449-6E6F-744E-656564454649\n' | sfdisk -q '\(file.path)'",
    ])
    #expect(verdict.status == 0, "\(verdict.errors)")
    let device = try BlockDevice(file.path, writable: true)
    try device.write(code(2048).bootCode + (try device.read(0, 1)).dropFirst(GrubBootCode.codeSize), at: 0)
    try device.write(code(2048).core, at: 2048)
    return file
  }

  @Test("A UEFI boot loader is not replaced by one of another kind, which would not find its records")
  func otherKind() async throws {
    try await withTemporaryFolder { folder in
      let boot = BootFolder(folder.appending(path: "boot").path)
      let systemdBoot = Array("MZ #### LoaderInfo: systemd-boot 252 ####".utf8)
      for (present, wanted) in [(systemdBoot, Array("MZ GRUB".utf8)), (Array("MZ GRUB".utf8), systemdBoot)] {
        try boot.create("EFI/BOOT/BOOTX64.EFI", present)
        try boot.create(BootPartition.uefiLoader(.a), wanted)
        let notes = Mutex<[String]>([])
        let environment = UpdateEnvironment(
          plan: UpdatePlan(
            image: ImageIdentity(project: "p", image: "i", deviceClass: "d", version: "1", build: ""),
            securityEpoch: 0, dataSchema: 0, buildTime: 0, health: HealthPlan()),
          boot: BootRecord(
            loader: .grub, slot: .a, isTrial: false, disk: "", bootPartition: "", rootA: "", rootB: nil),
          records: folder.path, trustRoot: "", bootFolder: boot.path, lock: "", startID: "",
          note: { note in notes.withLock { $0.append(note) } })
        try LoaderUpdate(environment: environment, slot: .a).run()
        #expect(try boot.read("EFI/BOOT/BOOTX64.EFI") == present)
        #expect(!FileTree.exists(boot.absolute("EFI/BOOT/NEW.EFI")))
        #expect(notes.withLock { $0.first?.contains("is not updated") ?? false })
      }
    }
  }

  @Test(
    "GRUB's new core image is written to the unused half, then the first sector points to it; the next one goes back"
  )
  func grub() async throws {
    try await withTemporaryFolder { folder in
      let bootSector = [UInt8](repeating: 0x11, count: 512)
      func core(_ value: UInt8) -> [UInt8] { [UInt8](repeating: value, count: 90_000) }
      let file = try disk(in: folder) { GrubBootCode(bootSector: bootSector, core: core(1), firstLBA: $0) }
      let boot = BootFolder(folder.appending(path: "boot").path)
      let environment = UpdateEnvironment(
        plan: UpdatePlan(
          image: ImageIdentity(project: "p", image: "i", deviceClass: "d", version: "1", build: ""), securityEpoch: 0,
          dataSchema: 0, buildTime: 0, health: HealthPlan()),
        boot: BootRecord(
          loader: .grub, slot: .a, isTrial: false, disk: file.path, bootPartition: "", rootA: "", rootB: nil),
        records: folder.path, trustRoot: "", bootFolder: boot.path, lock: "", startID: "")
      let device = try BlockDevice(file.path)
      func present() throws -> (lba: UInt64, core: [UInt8]) {
        let lba = GrubBootCode.coreLBA(inFirstSector: try device.read(0, 1))
        return (lba, try device.read(lba, 4))
      }
      for (value, place) in [(1, 2048), (2, 3072), (2, 3072), (3, 2048)] as [(UInt8, UInt64)] {
        try boot.create(BootPartition.biosLoader(.a), bootSector + core(value))
        let before = try Data(contentsOf: file)
        try LoaderUpdate(environment: environment, slot: .a).run()
        let found = try present()
        #expect(found.lba == place)
        #expect(
          found.core
            == Array(GrubBootCode(bootSector: bootSector, core: core(value), firstLBA: place).core.prefix(2048)))
        if value == 1 { #expect(try Data(contentsOf: file) == before, "what is there already is not written again") }
      }
      let verdict = try Judge("sfdisk").run(["--verify", file.path])
      #expect(verdict.status == 0, "the partition table beside the boot code stays")
      // A core image that does not fit into the unused half changes nothing.
      let before = try Data(contentsOf: file)
      try boot.create(BootPartition.biosLoader(.a), bootSector + [UInt8](repeating: 9, count: 600_000))
      try LoaderUpdate(environment: environment, slot: .a).run()
      #expect(try Data(contentsOf: file) == before)
    }
  }
}
