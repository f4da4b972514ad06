import PartitionTable
import Testing

@Suite struct GPTTests {
  @Test func `what is written is read back from both places`() throws {
    let table = GPT.freshImage()
    var disk = MemoryDisk(sectorCount: table.diskSizeInSectors)
    for region in try table.serialised().regions { disk.write(region) }
    #expect(try disk.reading.primary.get() == table)
    #expect(try disk.reading.backup.get() == table)
  }

  @Test func `a damaged primary is replaced by the backup`() throws {
    let table = GPT.freshImage()
    var disk = MemoryDisk(sectorCount: table.diskSizeInSectors)
    for region in try table.serialised().regions { disk.write(region) }
    disk.write(DiskRegion(lba: 2, bytes: Array(repeating: 0xAA, count: 512)))
    #expect(disk.reading.primary == .failure(.entriesChecksum))
    #expect(try disk.reading.table() == table)
  }

  @Test func `each changed byte of a header is noticed`() throws {
    let table = GPT.freshImage()
    let bytes = try table.serialised()
    for offset in 0..<92 {
      var disk = MemoryDisk(sectorCount: table.diskSizeInSectors)
      for region in bytes.regions { disk.write(region) }
      var damaged = bytes.primaryHeader
      damaged.bytes[offset] ^= 0x10
      disk.write(damaged)
      #expect(throws: GPTError.self) { try disk.reading.primary.get() }
    }
  }

  @Test func `an empty disk has no table`() {
    let disk = MemoryDisk(sectorCount: 4096)
    #expect(throws: GPTError.noSignature) { try disk.reading.table() }
  }

  @Test func `overlapping partitions are not written`() {
    var table = GPT.freshImage()
    table.partitions[2].firstLBA -= 1
    #expect(throws: GPTError.overlap(partition: 2, other: 3)) { try table.serialised() }
  }

  @Test func `a partition that reaches into the backup is not written`() {
    var table = GPT.freshImage()
    table.partitions[3].lastLBA = table.lastUsableLBA + 1
    #expect(throws: GPTError.outsideDisk(partition: 4)) { try table.serialised() }
  }
}
