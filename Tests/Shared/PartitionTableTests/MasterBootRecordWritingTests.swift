import PartitionTable
import Testing

@Suite("Writing master boot records")
struct MasterBootRecordWritingTests {
  /// A generator that counts, for signatures that a test knows.
  private struct Counter: RandomNumberGenerator {
    var value: UInt64 = 41
    mutating func next() -> UInt64 {
      value += 1
      return value << 32 | value
    }
  }

  private typealias Entry = MasterBootRecord.Entry
  private static let disk: UInt64 = 1 << 20

  /// Boot, two roots and data, all primary.
  private static let primary = MasterBootRecord(
    diskSignature: 0x1A2B_3C4D,
    partitions: [
      Entry(number: 1, type: 0x0C, firstLBA: 2048, sectorCount: 2048),
      Entry(number: 2, type: 0x83, firstLBA: 4096, sectorCount: 4096),
      Entry(number: 3, type: 0x83, firstLBA: 8192, sectorCount: 4096),
      Entry(number: 4, type: 0x83, firstLBA: 12288, sectorCount: 2048),
    ], isFreshImage: true)

  /// A boot partition, and two logical partitions, the last of which is data.
  private static let logical = MasterBootRecord(
    diskSignature: 0x1A2B_3C4D,
    partitions: [
      Entry(number: 1, type: 0x0C, firstLBA: 2048, sectorCount: 2048),
      Entry(number: 5, type: 0x83, firstLBA: 6144, sectorCount: 4096, recordLBA: 4096),
      Entry(number: 6, type: 0x83, firstLBA: 12288, sectorCount: 2048, recordLBA: 10240),
    ], extended: Entry(number: 4, type: 0x0F, firstLBA: 4096, sectorCount: 10240), isFreshImage: true)

  private func read(_ sectors: [UInt64: [UInt8]]) -> MasterBootRecord? {
    MasterBootRecord { lba in sectors[lba] ?? [UInt8](repeating: 0, count: 512) }
  }

  private func sectors(_ table: MasterBootRecord) throws -> [UInt64: [UInt8]] {
    Dictionary(uniqueKeysWithValues: try table.records().map { ($0.lba, $0.bytes) })
  }

  @Test("A written table is read as it was, with its mark", arguments: [primary, logical])
  func roundTrip(table: MasterBootRecord) throws {
    let sectors = try sectors(table)
    #expect(sectors.values.allSatisfy { $0.count == 512 })
    #expect(read(sectors) == table)
  }

  @Test("The boot code is kept, and may not reach into the signature")
  func bootCode() throws {
    let code = [UInt8](repeating: 0xAB, count: 440)
    #expect(Array(try Self.primary.records(bootCode: code)[0].bytes.prefix(440)) == code)
    #expect(throws: MBRError.bootCodeTooLong) { try Self.primary.records(bootCode: code + [0]) }
  }

  @Test("The first start gives the disk a signature of its own, once")
  func individual() throws {
    var generator = Counter()
    let own = Self.primary.individualised(using: &generator)
    #expect(own.diskSignature != Self.primary.diskSignature && own.diskSignature != 0 && !own.isFreshImage)
    #expect(own.individualised(using: &generator) == own)
  }

  @Test("The last partition grows to the end of the disk, with the extended partition around it")
  func growth() {
    let grown = Self.logical.grown(toSectors: Self.disk + 7, extending: 6)
    #expect(grown.partition(number: 6)?.endLBA == Self.disk)
    #expect(grown.extended?.endLBA == Self.disk)
    #expect(grown.partition(number: 5) == Self.logical.partition(number: 5))
    #expect(grown.grown(toSectors: Self.disk, extending: 6) == grown)
    #expect(Self.primary.grown(toSectors: Self.disk, extending: 4).partition(number: 4)?.endLBA == Self.disk)
  }

  @Test("A partition grows neither into the next one nor beyond 2 TiB, and never shrinks")
  func limits() throws {
    #expect(Self.primary.grown(toSectors: Self.disk, extending: 3) == Self.primary)
    #expect(Self.primary.grown(toSectors: 13000, extending: 4) == Self.primary)
    let large = Self.primary.grown(toSectors: 1 << 33, extending: 4)
    #expect(try #require(large.partition(number: 4)).endLBA <= UInt64(UInt32.max))
    _ = try large.records()
  }

  @Test(
    "After each write of the first start, the table is valid, and the next start completes it",
    arguments: [
      (primary, 4), (logical, 6),
    ])
  func powerCuts(table: MasterBootRecord, data: Int) throws {
    var generator = Counter()
    let wanted = table.individualised(using: &generator).grown(toSectors: Self.disk, extending: data)
    let steps = try table.steps(to: wanted, bootCode: [])
    #expect(steps.allSatisfy { $0.bytes.count == 512 })
    var sectors = try sectors(table)
    for step in steps {
      sectors[step.lba] = step.bytes
      let found = try #require(read(sectors))
      try found.validate()
      // Nothing but the end of the data partition and the signature has changed.
      #expect(found.partitions.map(\.number) == table.partitions.map(\.number))
      #expect(found.partitions.map(\.firstLBA) == table.partitions.map(\.firstLBA))
      #expect(!found.isFreshImage && found.diskSignature == wanted.diskSignature)
      var completed = sectors
      let next = found.individualised(using: &generator).grown(toSectors: Self.disk, extending: data)
      for rest in try found.steps(to: next, bootCode: []) { completed[rest.lba] = rest.bytes }
      #expect(read(completed) == wanted)
    }
    #expect(try wanted.steps(to: wanted, bootCode: []).isEmpty)
  }

  @Test("Tables that cannot be written are refused")
  func refusals() throws {
    func refused(_ change: (inout MasterBootRecord) -> Void) throws -> MBRError {
      var table = Self.logical
      change(&table)
      return try #require(throws: MBRError.self) { try table.records() }
    }
    #expect(try refused { $0.partitions[0].sectorCount = 4096 } == .overlap(partition: 1, other: 4))
    #expect(try refused { $0.partitions[1].sectorCount = 4097 } == .overlap(partition: 5, other: 6))
    #expect(try refused { $0.partitions[2].sectorCount = 4096 } == .outsideRange(partition: 6))
    #expect(try refused { $0.partitions[2].number = 7 } == .invalidNumbers)
    #expect(try refused { $0.extended = nil } == .invalidNumbers)
    #expect(try refused { $0.partitions[0].firstLBA = 1 << 33 } == .outsideRange(partition: 1))
  }

  @Test(
    "A disk whose first sector has other partitions than a protective one has no GUID partition table",
    arguments: [
      0x83 as UInt8, 0xEE,
    ])
  func kind(type: UInt8) throws {
    var table = Self.primary
    table.partitions = [Entry(number: 1, type: type, firstLBA: 2048, sectorCount: 2048)]
    let sectors = try sectors(table)
    let reading = DiskTableReading(diskSizeInSectors: Self.disk) { lba, _ in
      sectors[lba] ?? [UInt8](repeating: 0, count: 512)
    }
    if type == 0xEE {
      #expect(throws: GPTError.noSignature) { try reading.table() }
    } else {
      #expect(try reading.table() == .mbr(table))
    }
  }

  @Test("IDs of partitions are read as the boot loaders write them, and nothing else is")
  func ids() {
    #expect(PartitionID("1A2b3c4d-0c") == .mbr(signature: 0x1A2B_3C4D, number: 12))
    #expect(PartitionID("1a2b3c4d-0c")?.description == "1a2b3c4d-0c")
    #expect(PartitionID("5bd8fef1-0193-8643-9189-82c77389320f")?.description == "5bd8fef1-0193-8643-9189-82c77389320f")
    for text in ["", "1a2b3c4d", "1a2b3c4-01", "1a2b3c4d-1", "1a2b3c4d-001", "+a2b3c4d-01", "1a2b3c4d-+1", "xyz"] {
      #expect(PartitionID(text) == nil)
    }
  }
}
