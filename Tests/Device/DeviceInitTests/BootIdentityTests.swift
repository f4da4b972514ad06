import BootFlow
import DeviceFixtures
import DeviceModel
import DeviceRecords
import Foundation
import PartitionTable
import TestFixtures
import Testing

@testable import DeviceInit

@Suite struct BootIdentityTests {
  private static let text = "5bd8fef1-0193-8643-9189-82c77389320f"

  private func variable(_ text: String) -> [UInt8] {
    [6, 0, 0, 0] + text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] } + [0, 0]
  }

  @Test func `the kernel command line counts before the firmware's variable`() throws {
    let line = KernelCommandLine("quiet cultivar.boot-partition=\(Self.text) cultivar.slot=b")
    #expect(try BootIdentity.bootPartition(commandLine: line, variable: "/absent") == PartitionID(Self.text))
    #expect(line.slot == .b)
  }

  @Test func `a disk with a master boot record is named by its signature and the number`() throws {
    let line = KernelCommandLine("cultivar.boot-partition=1a2b3c4d-01")
    #expect(
      try BootIdentity.bootPartition(commandLine: line, variable: "/absent")
        == .mbr(signature: 0x1a2b_3c4d, number: 1))
  }

  @Test func `the variable is UTF-16 behind four bytes of attributes`() {
    #expect(BootIdentity.guid(inVariable: variable(Self.text.uppercased())) == GUID(Self.text))
    #expect(BootIdentity.guid(inVariable: [6, 0, 0]) == nil)
    #expect(BootIdentity.guid(inVariable: variable("nonsense")) == nil)
  }

  @Test func `without either the message names both`() {
    let failure = #expect(throws: StageFailure.self) {
      try BootIdentity.bootPartition(commandLine: KernelCommandLine(""), variable: "/absent")
    }
    #expect(failure?.description.contains("cultivar.boot-partition") == true)
    #expect(failure?.description.contains("LoaderDevicePartUUID") == true)
  }

  @Test func `two disks with the same id are an error that names both`() throws {
    let guid = try #require(PartitionID(Self.text))
    let failure = #expect(throws: StageFailure.self) { try BootDisk.one(of: ["sda", "sdb"], partition: guid) }
    #expect(failure?.description.contains("/dev/sda and /dev/sdb") == true)
    #expect(try BootDisk.one(of: ["sda"], partition: guid) == "sda")
    #expect(try BootDisk.one(of: [], partition: guid) == nil)
  }

  @Test func `quotes keep spaces, and the last one counts`() {
    let line = KernelCommandLine(#"a=1 b="x y" a=2 c"#)
    #expect(line["a"] == "2")
    #expect(line["b"] == "x y")
    #expect(line["c"] == "")
    #expect(line["d"] == nil)
  }

  @Test(
    "The command line names the boot loader; without it, it is systemd-boot, or GRUB on a BIOS")
  func loader() {
    func loader(_ line: String, _ firmware: String) -> BootLoader {
      BootIdentity.loader(commandLine: KernelCommandLine(line), firmware: firmware)
    }
    #expect(loader("ro cultivar.loader=grub", "/") == .grub)
    #expect(loader("ro cultivar.loader=u-boot", "/absent") == .uBoot)
    #expect(loader("ro", "/") == .systemdBoot)
    #expect(loader("ro", "/absent") == .grub)
  }

  @Test(
    "Under tryboot, the partition that the firmware reports decides about the slot; otherwise the command line does")
  func trybootSlot() throws {
    let temporary = try TemporaryFolder()
    let folder = URL(fileURLWithPath: temporary.path)
    let partitions = PartitionNumbers(boot: 1, bootA: 2, bootB: 3, rootA: 5, rootB: 6, data: 7)
    func slot(_ line: String, _ report: [UInt8]?) throws -> Slot? {
      try? FileManager.default.removeItem(at: folder.appending(path: "partition"))
      if let report { try folder.writing(report, to: "partition") }
      return BootIdentity.slot(commandLine: KernelCommandLine(line), partitions, firmware: folder.path)
    }
    let line = "ro cultivar.slot=a cultivar.loader=tryboot"
    #expect(try slot(line, [0, 0, 0, 3]) == .b)
    #expect(try slot(line, [0, 0, 0, 2]) == .a)
    #expect(try slot(line, nil) == .a)
    #expect(try slot(line, [0, 0, 0, 9]) == .a)
    #expect(try slot(line, [3]) == .a)
    #expect(try slot("ro cultivar.slot=a cultivar.loader=u-boot", [0, 0, 0, 3]) == .a)
    #expect(try slot("ro cultivar.loader=tryboot", nil) == nil)
  }

  @Test("Under tryboot, a slot that is not the default is on trial")
  func trybootTrial() throws {
    let temporary = try TemporaryFolder()
    let folder = BootFolder(temporary.path)
    let entry = BootEntry(slot: .a, title: "", version: "", arguments: ["ro"])
    try LoaderDouble.tryboot.fill(folder, with: entry)
    func isTrial(_ slot: Slot) throws -> Bool { try BootIdentity.isTrial(LoaderDouble.record(folder, slot: slot)) }
    #expect(try !isTrial(.a))
    try LoaderDouble.tryboot.flow(folder).offer(BootEntry(slot: .b, title: "", version: "", arguments: []))
    #expect(try !isTrial(.a) && isTrial(.b))
    try LoaderDouble.tryboot.flow(folder).commit(.b)
    #expect(try isTrial(.a) && !isTrial(.b))
  }

  @Test("systemd-boot cannot try a release if the firmware is U-Boot; other boot loaders can")
  func firmware() async throws {
    try await withTemporaryFolder { folder in
      func file(_ text: String, _ name: String) throws -> String {
        let place = folder.appending(path: name)
        try Data(variable(text)).write(to: place)
        return place.path
      }
      let uBoot = try file("Das U-Boot 8229.10", "u-boot")
      #expect(!BootIdentity.canTry(.systemdBoot, variable: uBoot))
      #expect(BootIdentity.canTry(.grub, variable: uBoot))
      let other = try file("EDK II 1.00", "other")
      #expect(BootIdentity.canTry(.systemdBoot, variable: other))
      #expect(BootIdentity.canTry(.systemdBoot, variable: "/absent"))
    }
  }
}
