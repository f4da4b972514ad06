import PartitionTable
import Testing

@Suite("Master boot records")
struct MasterBootRecordTests {
  /// Returns a sector with a table, from (type, first sector, sectors).
  private func sector(_ entries: [(UInt8, UInt32, UInt32)], signature: UInt32 = 0) -> [UInt8] {
    func bytes(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
    var sector = [UInt8](repeating: 0, count: 440) + bytes(signature) + [0, 0]
    for (type, first, count) in entries { sector += [0, 0, 0, 0, type, 0, 0, 0] + bytes(first) + bytes(count) }
    sector += [UInt8](repeating: 0, count: 510 - sector.count)
    return sector + [0x55, 0xAA]
  }

  private func read(_ sectors: [UInt64: [UInt8]]) -> MasterBootRecord? {
    MasterBootRecord { lba in sectors[lba] ?? [UInt8](repeating: 0, count: 512) }
  }

  @Test("Primary partitions keep their numbers, and have the IDs that Linux gives them")
  func primary() throws {
    let table = try #require(
      read([0: sector([(0x0C, 8192, 1000), (0, 0, 0), (0x83, 10_000, 5000)], signature: 0x0A1B_2C3D)]))

    #expect(table.partitions.map(\.number) == [1, 3])
    #expect(table.partitions.map(\.firstLBA) == [8192, 10_000])
    #expect(table.partitions.map(table.partitionID) == ["0a1b2c3d-01", "0a1b2c3d-03"])
  }

  @Test("Logical partitions are numbered from 5, and each is relative to its own table")
  func logical() throws {
    let table = try #require(
      read([
        0: sector([(0x83, 2048, 100), (0x0F, 4096, 9000)]),
        4096: sector([(0x83, 16, 100), (0x05, 2000, 500)]),
        6096: sector([(0x82, 16, 200)]),
      ]))

    #expect(table.partitions.map(\.number) == [1, 5, 6])
    #expect(table.partitions.map(\.firstLBA) == [2048, 4112, 6112])
  }

  @Test("A circular chain of logical partitions ends")
  func loop() throws {
    let table = try #require(
      read([0: sector([(0x05, 4096, 9000)]), 4096: sector([(0x83, 16, 100), (0x05, 0, 500)])]))

    #expect(table.partitions.count == 60)
  }

  @Test("A sector with the boot signature but without a table is refused")
  func none() {
    var start = sector([])
    #expect(read([0: start]) == nil)
    start[446] = 0x33
    start[450] = 0x77
    start[458] = 1
    #expect(read([0: start]) == nil)
    #expect(read([:]) == nil)
  }
}
