import PartitionTable
import Testing

@Suite struct GPTUpdateTests {
  private static let newSize: UInt64 = 9 << 20

  /// Makes a disk of `size` sectors to which an image was written.
  private func flashedDisk(size: UInt64 = newSize) throws -> MemoryDisk {
    var disk = MemoryDisk(sectorCount: size)
    for region in try GPT.freshImage().serialised().regions { disk.write(region) }
    return disk
  }

  private func firstBootUpdate(of disk: MemoryDisk) throws -> GPTUpdate {
    var generator = SystemRandomNumberGenerator()
    let reading = disk.reading
    let table = try reading.table()
      .individualised(byMarkOn: 4, using: &generator)
      .grown(toSectors: disk.sectorCount, extending: 4)
    return try GPTUpdate(to: table, from: reading, bootCode: [])
  }

  @Test func `first boot extends the last partition and gives new ids`() throws {
    var disk = try flashedDisk()
    let before = try disk.reading.table()
    for region in try firstBootUpdate(of: disk).steps.flatMap(\.regions) { disk.write(region) }

    let after = try disk.reading.primary.get()
    #expect(try disk.reading.backup.get().partitions == after.partitions)
    #expect(after.diskSizeInSectors == Self.newSize)
    #expect(after.partitions[3].lastLBA + 1 == (Self.newSize - 33) / 2048 * 2048)
    #expect(after.diskGUID != before.diskGUID)
    #expect(Set(after.partitions.map(\.guid)).isDisjoint(with: before.partitions.map(\.guid)))
    #expect(!after.partitions[3].attributes.contains(.freshImage))
    #expect(try firstBootUpdate(of: disk).steps.isEmpty)
  }

  @Test(arguments: [1 << 20, newSize])
  func `a cut after any sector leaves a whole table, and the next boot completes`(size: UInt64) throws {
    let original = try flashedDisk(size: size)
    let sectors = try firstBootUpdate(of: original).steps.flatMap(\.regions).flatMap { region in
      stride(from: 0, to: region.bytes.count, by: GPT.sectorSize).map { start in
        DiskRegion(
          lba: region.lba + UInt64(start / GPT.sectorSize),
          bytes: Array(region.bytes[start..<start + GPT.sectorSize]))
      }
    }
    for cut in 0...sectors.count {
      var disk = original
      for sector in sectors.prefix(cut) { disk.write(sector) }
      // The sector that was being written during the power cut may be torn.
      var torn = disk
      if cut < sectors.count {
        torn.write(DiskRegion(lba: sectors[cut].lba, bytes: Array(repeating: 0x5A, count: GPT.sectorSize)))
      }
      for var disk in [disk, torn] {
        _ = try disk.reading.table()
        for region in try firstBootUpdate(of: disk).steps.flatMap(\.regions) { disk.write(region) }
        let table = try disk.reading.primary.get()
        #expect(table.diskSizeInSectors == size)
        #expect(!table.partitions[3].attributes.contains(.freshImage))
        #expect(try disk.reading.backup.get().partitions == table.partitions)
      }
    }
  }

  @Test func `a damaged primary is repaired from the backup before anything else is written`() throws {
    var disk = try flashedDisk(size: 1 << 20)
    disk.write(DiskRegion(lba: 1, bytes: Array(repeating: 0, count: GPT.sectorSize)))
    let steps = try firstBootUpdate(of: disk).steps
    #expect(steps.prefix(2).flatMap(\.regions).map(\.lba) == [2, 1])
  }

  @Test func `a disk that is as large as the table says is left alone`() throws {
    let table = GPT.freshImage()
    #expect(table.grown(toSectors: table.diskSizeInSectors, extending: 4) == table)
    #expect(table.grown(toSectors: 5, extending: 4) == table)
  }
}
