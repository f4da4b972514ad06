import BootFlow
import DeviceModel
import Foundation
import PartitionTable
import TestFixtures
import Testing

@testable import DiskImage

@Suite("Layouts, ids and sizes")
struct LayoutTests {
  private let ids = DiskIdentity(project: "hello", image: "roof")

  @Test("Partitions follow each other on boundaries of a mebibyte, the data partition last and marked as fresh")
  func table() {
    let table = Layout.applianceAB.table(ids: ids, rootType: .linuxRootX86_64, rootContent: .mebibytes(100))
    #expect(table.partitions.map(\.name) == ["bios-boot", "boot", "root-a", "root-b", "data"])
    #expect(table.partitions.map(\.number) == [1, 2, 3, 4, 5])
    #expect(table.partitions.map { $0.sectorCount / 2048 } == [1, 256, 512, 512, 128])
    #expect(table.partitions.map { $0.firstLBA / 2048 } == [1, 2, 258, 770, 1282])
    #expect(table.partitions.allSatisfy { $0.firstLBA % 2048 == 0 })
    #expect(table.diskSizeInSectors == (1282 + 128 + 1) * 2048)
    #expect(table.partitions.filter { $0.attributes.contains(.freshImage) }.map(\.name) == ["data"])
  }

  @Test("A size that is no whole mebibyte is rounded up")
  func rounding() {
    var layout = Layout.applianceAB
    layout.slotSize = .fixed(ByteSize(bytes: (16 << 20) + 1))
    let table = layout.table(ids: ids, rootType: .linuxRootX86_64, rootContent: .mebibytes(100))
    #expect(table.partition(number: 3)?.sectorCount == 17 * 2048)
  }

  @Test("The table that sfdisk reads is the one that was meant", arguments: Layout.builtIn.map(\.name))
  func sfdisk(name: String) async throws {
    let layout = try #require(Layout.builtIn.first { $0.name == name })
    try await withTemporaryFolder { folder in
      let image = folder.appending(path: "disk.img")
      let table = layout.table(ids: ids, rootType: .linuxRootX86_64, rootContent: .mebibytes(100))
      try DiskImage(table: table).write(to: image.path)

      let verified = try Judge("sfdisk").run(["--verify", image.path])
      let dump = try Judge("sfdisk").run(["--dump", image.path]).output

      #expect(verified.status == 0 && verified.output.contains("No errors detected"), "\(verified)")
      #expect(dump.contains("label-id: \(ids.disk)".uppercased().replacing("LABEL-ID", with: "label-id")))
      for partition in layout.partitions { #expect(dump.contains("name=\"\(partition.name)\"")) }
      #expect(dump.contains("type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"))
    }
  }

  @Test("A single slot follows its content, and there is no other")
  func single() {
    let layout = Layout.systemSingle
    #expect(layout.numbers == PartitionNumbers(boot: 2, rootA: 3, rootB: nil, data: 4))
    #expect(layout.slots == [.a])
    func slot(_ content: ByteSize) -> UInt64? {
      layout.table(ids: ids, rootType: .linuxRootX86_64, rootContent: content).partition(number: 3)?.sectorCount
    }
    #expect(slot(.mebibytes(400)) == 500 * 2048)
    #expect(slot(ByteSize(bytes: 400 << 20 | 1)) == 501 * 2048)
    #expect(slot(.mebibytes(1)) == 64 * 2048)
  }

  @Test("Both slots of a pair follow a percentage, and a file system may be chosen for both")
  func changes() {
    var layout = Layout.systemAB
    layout.slotSize = .percent(150, minimum: .mebibytes(16))
    layout.rootFileSystem = .squashfs
    let table = layout.table(ids: ids, rootType: .linuxRootX86_64, rootContent: .mebibytes(100))
    #expect([3, 4].map { table.partition(number: $0)?.sectorCount } == [150 * 2048, 150 * 2048])
    #expect(layout.partitions.filter { $0.fileSystem == .root(.squashfs) }.count == 2)
  }

  @Test("What a layout adds to a build's identity is what it always was")
  func identityOfLayout() {
    #expect(
      Layout.applianceAB.identity
        == "Layout(name: \"appliance-ab\", rootFileSystem: DeviceModel.RootFileSystem.erofs, bootSize: 256 MiB, "
        + "slotSize: 512 MiB, dataSize: 128 MiB)")
  }

  @Test("Ids are those of the names: the same in every build, other ones for another image")
  func identity() {
    // Fixed for good: devices in the field were installed with them.
    #expect("\(ids.disk)".uppercased() == Self.known.disk)
    #expect("\(ids.partition("root-a"))".uppercased() == Self.known.rootA)
    #expect(ids.fatSerial == Self.known.serial)
    let other = DiskIdentity(project: "hello", image: "cellar")
    #expect(other.disk != ids.disk && other.fatSerial != ids.fatSerial)
    #expect(ids.partition("root-a") != ids.fileSystem("root-a"))
  }

  private static let known = (
    disk: "8CAB1D18-1AE1-8850-83FF-16534CB0C15B", rootA: "D6BD18A6-A50C-8B28-A586-8B0B9036898F",
    serial: UInt32(3_885_416_632)
  )

  @Test("Numbers of partitions are those that the boot flow knows")
  func numbers() {
    #expect(Layout.applianceAB.numbers == PartitionNumbers(boot: 2, rootA: 3, rootB: 4, data: 5))
    #expect(Layout.systemAB.numbers == Layout.applianceAB.numbers)
  }
}

@Suite("Sizes in messages")
struct ByteSizeTests {
  @Test(
    "A size has the binary unit that suits it",
    arguments: [
      (0, "0 bytes"), (1023, "1023 bytes"), (1024, "1 KiB"), (1536, "1.5 KiB"), (1 << 20, "1 MiB"),
      (56_413_389, "53.8 MiB"), (512 << 20, "512 MiB"), (Int64(5) << 30, "5 GiB"), ((1 << 20) - 1, "1 MiB"),
    ] as [(Int64, String)])
  func text(bytes: Int64, text: String) {
    #expect(ByteSize(bytes: bytes).description == text)
  }

  @Test("What does not fit says how much is missing, and a size at which it would")
  func doesNotFit() throws {
    let failure = #expect(throws: DoesNotFit.self) {
      try DoesNotFit.check("the root file system", .mebibytes(100), .mebibytes(64), "the slot", key: "slot")
    }
    #expect(
      failure?.problem == "the root file system does not fit into the slot: it takes 100 MiB of 64 MiB, 36 MiB too much"
    )
    #expect(failure?.remedy?.contains("`slot: 125M`") == true)
    #expect(throws: Never.self) {
      try DoesNotFit.check("x", .mebibytes(64), .mebibytes(64), "the slot", key: "slot")
    }
  }

  @Test("A few bytes too much are not shown as the same size on both sides, and the suggestion is larger than the need")
  func nearMiss() {
    let failure = DoesNotFit(
      content: "it", size: ByteSize(bytes: (64 << 20) + 1), room: .mebibytes(64), place: "the slot", key: "slot")
    #expect(failure.problem.hasSuffix("1 byte too much"))
    let tiny = DoesNotFit(
      content: "it", size: ByteSize(bytes: 100), room: ByteSize(bytes: 50), place: "the slot", key: "slot")
    #expect(tiny.remedy?.contains("slot: 1M") == true)
  }
}
