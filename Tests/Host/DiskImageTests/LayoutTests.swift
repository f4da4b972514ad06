import BootFlow
import DeviceModel
import Foundation
import PartitionTable
import TestFixtures
import Testing

@testable import DiskImage

@Suite("Layouts, IDs and sizes")
struct LayoutTests {
  private let ids = DiskIdentity(project: "hello", image: "roof")

  private func gpt(_ layout: Layout, content: ByteSize = .mebibytes(100)) throws -> GPT {
    guard case .gpt(let table) = layout.table(ids: ids, rootType: .linuxRootX86_64, rootContent: content) else {
      throw NotThisKind()
    }
    return table
  }

  private func mbr(_ layout: Layout) throws -> MasterBootRecord {
    guard case .mbr(let table) = layout.table(ids: ids, rootType: .linuxRootARM64, rootContent: .mebibytes(100)) else {
      throw NotThisKind()
    }
    return table
  }

  private struct NotThisKind: Error {}

  /// A layout for a Raspberry Pi.
  private static func raspberryPi(hasBootPerSlot: Bool, scheme: PartitionScheme = .mbr) -> Layout {
    var layout = Layout.applianceAB
    layout.hasBIOSBoot = false
    layout.scheme = scheme
    layout.hasBootPerSlot = hasBootPerSlot
    return layout
  }

  @Test("Partitions are adjacent and aligned to a mebibyte; the data partition is last and marked as fresh")
  func table() throws {
    let table = try gpt(.applianceAB)
    #expect(table.partitions.map(\.name) == ["bios-boot", "boot", "root-a", "root-b", "data"])
    #expect(table.partitions.map(\.number) == [1, 2, 3, 4, 5])
    #expect(table.partitions.map { $0.sectorCount / 2048 } == [1, 256, 512, 512, 128])
    #expect(table.partitions.map { $0.firstLBA / 2048 } == [1, 2, 258, 770, 1282])
    #expect(table.partitions.allSatisfy { $0.firstLBA % 2048 == 0 })
    #expect(table.diskSizeInSectors == (1282 + 128 + 1) * 2048)
    #expect(table.partitions.filter { $0.attributes.contains(.freshImage) }.map(\.name) == ["data"])
  }

  @Test("A size that is not a whole mebibyte is rounded up")
  func rounding() throws {
    var layout = Layout.applianceAB
    layout.slotSize = .fixed(ByteSize(bytes: (16 << 20) + 1))
    let table = try gpt(layout)
    #expect(table.partition(number: 3)?.sectorCount == 17 * 2048)
  }

  @Test("sfdisk reads the intended partition table", arguments: [Layout.applianceAB, .systemAB, .systemSingle])
  func sfdisk(layout: Layout) async throws {
    try await withTemporaryFolder { folder in
      let image = folder.appending(path: "disk.img")
      let table = try gpt(layout)
      try DiskImage(table: .gpt(table)).write(to: image.path)

      let verified = try Judge("sfdisk").run(["--verify", image.path])
      let dump = try Judge("sfdisk").run(["--dump", image.path]).output

      #expect(verified.status == 0 && verified.output.contains("No errors detected"), "\(verified)")
      #expect(dump.contains("label-id: \(ids.disk)".uppercased().replacing("LABEL-ID", with: "label-id")))
      for partition in table.partitions { #expect(dump.contains("name=\"\(partition.name)\"")) }
      #expect(dump.contains("type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"))
    }
  }

  @Test("A master boot record with four partitions has no logical ones, and is marked as fresh")
  func masterBootRecord() throws {
    let layout = Self.raspberryPi(hasBootPerSlot: false)
    let table = try mbr(layout)
    #expect(table.partitions.map(\.number) == [1, 2, 3, 4])
    #expect(table.partitions.map(\.type) == [0x0C, 0x83, 0x83, 0x83])
    #expect(table.partitions.map { $0.firstLBA / 2048 } == [1, 257, 769, 1281])
    #expect(table.extended == nil && table.isFreshImage && table.diskSignature == ids.diskSignature)
    #expect(layout.numbers == PartitionNumbers(boot: 1, rootA: 2, rootB: 3, data: 4))
    #expect(layout.names == [1: "boot", 2: "root-a", 3: "root-b", 4: "data"])
  }

  @Test("With a boot partition for each slot, the roots and the data are logical partitions, and the signature stays")
  func logical() throws {
    let layout = Self.raspberryPi(hasBootPerSlot: true)
    let table = try mbr(layout)
    #expect(table.partitions.map(\.number) == [1, 2, 3, 5, 6, 7])
    #expect(table.partitions.map(\.type) == [0x0C, 0x0C, 0x0C, 0x83, 0x83, 0x83])
    #expect(table.partitions.map { $0.sectorCount / 2048 } == [64, 256, 256, 512, 512, 128])
    #expect(table.partitions.allSatisfy { $0.firstLBA % 2048 == 0 } && !table.isFreshImage)
    #expect(layout.numbers == PartitionNumbers(boot: 1, bootA: 2, bootB: 3, rootA: 5, rootB: 6, data: 7))
    let onGPT = Self.raspberryPi(hasBootPerSlot: true, scheme: .gpt)
    #expect(onGPT.numbers == PartitionNumbers(boot: 1, bootA: 2, bootB: 3, rootA: 4, rootB: 5, data: 6))
    #expect(try gpt(onGPT).partitions.map(\.name) == ["choice", "boot-a", "boot-b", "root-a", "root-b", "data"])
  }

  @Test("sfdisk reads the intended master boot record, also after it has grown", arguments: [false, true])
  func sfdiskOfMasterBootRecord(hasBootPerSlot: Bool) async throws {
    try await withTemporaryFolder { folder in
      let image = folder.appending(path: "disk.img")
      let layout = Self.raspberryPi(hasBootPerSlot: hasBootPerSlot)
      var table = try mbr(layout)
      for isGrown in [false, true] {
        if isGrown { table = table.grown(toSectors: 8 << 21, extending: layout.numbers.data) }
        try DiskImage(table: .mbr(table)).write(to: image.path)
        let verified = try Judge("sfdisk").run(["--verify", image.path])
        #expect(verified.status == 0 && verified.output.contains("No errors detected"), "\(verified)")
        let dump = try Judge("sfdisk").run(["--dump", image.path]).output
        let rows = dump.matches(of: /disk\.img(\d+) : start= *(\d+), size= *(\d+), type=(\w+)/).map { row in
          row.output.1 + " " + row.output.2 + " " + row.output.3 + " " + row.output.4
        }
        let wanted = (table.partitions + [table.extended].compactMap(\.self)).sorted { $0.number < $1.number }.map {
          "\($0.number) \($0.firstLBA) \($0.sectorCount) \(String($0.type, radix: 16))"
        }
        #expect(rows.map { String($0) } == wanted)
      }
    }
  }

  @Test("A single slot has the size of its content, and there is no second slot")
  func single() throws {
    let layout = Layout.systemSingle
    #expect(layout.numbers == PartitionNumbers(boot: 2, rootA: 3, rootB: nil, data: 4))
    #expect(layout.slots == [.a])
    func slot(_ content: ByteSize) throws -> UInt64? {
      try gpt(layout, content: content).partition(number: 3)?.sectorCount
    }
    #expect(try slot(.mebibytes(400)) == 500 * 2048)
    #expect(try slot(ByteSize(bytes: 400 << 20 | 1)) == 501 * 2048)
    #expect(try slot(.mebibytes(1)) == 64 * 2048)
  }

  @Test("A percentage applies to both slots, and the file system can be chosen for both")
  func changes() throws {
    var layout = Layout.systemAB
    layout.slotSize = .percent(150, minimum: .mebibytes(16))
    layout.rootFileSystem = .squashfs
    let table = try gpt(layout)
    #expect([3, 4].map { table.partition(number: $0)?.sectorCount } == [150 * 2048, 150 * 2048])
  }

  @Test("The part of a build's identity that a layout adds never changes")
  func identityOfLayout() {
    #expect(
      Layout.applianceAB.identity
        == "layout appliance-ab: root erofs, boot 256 MiB, slot 512 MiB, data 128 MiB")
  }

  @Test("IDs depend on the names: they are the same in every build, and differ for another image")
  func identity() {
    // Never to be changed, as devices in use were installed with them.
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

  @Test("The partition numbers are those of the boot flow")
  func numbers() {
    #expect(Layout.applianceAB.numbers == PartitionNumbers(boot: 2, rootA: 3, rootB: 4, data: 5))
    #expect(Layout.systemAB.numbers == Layout.applianceAB.numbers)
  }
}

@Suite("Sizes in messages")
struct ByteSizeTests {
  @Test(
    "A size has a suitable binary unit",
    arguments: [
      (0, "0 bytes"), (1023, "1023 bytes"), (1024, "1 KiB"), (1536, "1.5 KiB"), (1 << 20, "1 MiB"),
      (56_413_389, "53.8 MiB"), (512 << 20, "512 MiB"), (Int64(5) << 30, "5 GiB"), ((1 << 20) - 1, "1 MiB"),
    ] as [(Int64, String)])
  func text(bytes: Int64, text: String) {
    #expect(ByteSize(bytes: bytes).description == text)
  }

  @Test("A size that does not fit is reported with the missing amount, and a size that would fit")
  func doesNotFit() throws {
    let failure = #expect(throws: DoesNotFit.self) {
      try DoesNotFit.check("the root file system", .mebibytes(100), .mebibytes(64), "the slot", key: "slot")
    }
    #expect(
      failure?.problem
        == "the root file system does not fit into the slot: it needs 100 MiB, 36 MiB more than the available 64 MiB"
    )
    #expect(failure?.remedy?.contains("`slot: 125M`") == true)
    #expect(throws: Never.self) {
      try DoesNotFit.check("x", .mebibytes(64), .mebibytes(64), "the slot", key: "slot")
    }
  }

  @Test("Two sizes that differ by a few bytes are shown differently, and the suggestion is larger than needed")
  func nearMiss() {
    let failure = DoesNotFit(
      content: "it", size: ByteSize(bytes: (64 << 20) + 1), room: .mebibytes(64), place: "the slot", key: "slot")
    #expect(failure.problem.contains(", 1 byte more than the available "))
    let tiny = DoesNotFit(
      content: "it", size: ByteSize(bytes: 100), room: ByteSize(bytes: 50), place: "the slot", key: "slot")
    #expect(tiny.remedy?.contains("slot: 1M") == true)
  }
}
