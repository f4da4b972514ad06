import Testing

@testable import PartitionTable

@Suite("Tables with impossible numbers")
struct HostileTableTests {
  /// Makes a disk with one partition. The checksums are right, whatever the entry contains.
  private func disk(firstLBA: UInt64, lastLBA: UInt64) throws -> MemoryDisk {
    var table = GPT.freshImage()
    table.partitions = [table.partitions[0]]
    let bytes = try table.serialised()
    var partition = table.partitions[0]
    (partition.firstLBA, partition.lastLBA) = (firstLBA, lastLBA)
    var disk = MemoryDisk(sectorCount: table.diskSizeInSectors)
    for var region in [bytes.primaryEntries, bytes.backupEntries] {
      region.bytes.replaceSubrange(0..<GPT.entrySize, with: partition.serialised())
      disk.write(region)
      let isPrimary = region.lba == bytes.primaryEntries.lba
      let place = isPrimary ? bytes.primaryHeader : bytes.backupHeader
      var header = try GPTHeader(sector: place.bytes, lba: place.lba)
      header.entriesChecksum = CRC32.checksum(region.bytes)
      disk.write(DiskRegion(lba: place.lba, bytes: header.serialised()))
    }
    return disk
  }

  @Test(
    "A table is refused if a partition ends before it begins, or beyond any possible disk",
    arguments: [(0, UInt64.max), (2048, 1 << 54), (4096, 2048), (.max, .max)] as [(UInt64, UInt64)])
  func impossible(first: UInt64, last: UInt64) throws {
    let disk = try disk(firstLBA: first, lastLBA: last)

    #expect(throws: GPTError.outsideDisk(partition: 1)) { try disk.reading.table() }
  }

  @Test("A partition with the largest supported range is read")
  func largest() throws {
    let table = try disk(firstLBA: 2048, lastLBA: (1 << 54) - 1).reading.table()

    #expect(table.partitions.first?.sectorCount == (1 << 54) - 2048)
  }
}
