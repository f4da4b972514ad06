import ExtFileSystem
import FATFileSystem
import PartitionTable
import RaspberryPi

/// Passes untrusted bytes to the readers of published images. A reader must either accept or refuse them. It must not
/// crash, run without end, or use much more memory than the size of the image.
public enum HostileImage {
  /// The reader for an input.
  public enum Reader: UInt8, CaseIterable, Sendable {
    case ext, fat, guidTable, bootRecord, firmware
  }

  /// A reader returned more than the image has.
  public struct Fault: Error, Sendable {
    /// The reason.
    public var reason: String
  }

  /// Reads an input: a byte that selects the reader, and the bytes for it.
  ///
  /// - Throws: ``Fault`` for a wrong result. A refusal is not an error.
  public static func read(_ input: [UInt8]) throws {
    guard let first = input.first, let reader = Reader(rawValue: first % UInt8(Reader.allCases.count)) else { return }
    let bytes = Array(input.dropFirst())
    func read(_ offset: UInt64, _ count: Int) -> [UInt8] {
      let start = Int(min(offset, UInt64(bytes.count)))
      return Array(bytes[start..<min(bytes.count, start + count)])
    }
    switch reader {
    case .ext:
      do {
        let fileSystem = try ExtFileSystem(length: UInt64(bytes.count), read)
        _ = try fileSystem.inode(at: "etc/fstab")
        try fileSystem.walk { _, inode in
          _ = try fileSystem.attributes(of: inode)
          _ = try fileSystem.places(of: inode)
          if inode.kind == .link { _ = try fileSystem.target(of: inode) }
          guard inode.kind == .file else { return }
          var size: UInt64 = 0
          try fileSystem.forEachPiece(of: inode) { size += UInt64($0.count) }
          guard size == inode.size else { throw Fault(reason: "a file has another size than its inode says") }
        }
      } catch is ExtFailure {}
    case .fat:
      do {
        let fileSystem = try FATFileSystem(length: UInt64(bytes.count), read)
        var total = 0
        try fileSystem.walk { _, entry in
          guard !entry.isFolder else { return }
          try fileSystem.forEachPiece(of: entry) { total += $0.count }
        }
        guard total <= bytes.count else { throw Fault(reason: "the files are larger than the file system") }
      } catch is FATFileSystem.Failure {}
    case .guidTable:
      let disk = withChecksums(bytes)
      let sectors = UInt64(disk.count / GPT.sectorSize)
      let reading = GPTReading(diskSizeInSectors: sectors) { lba, count -> [UInt8] in
        let start = Int(min(lba, sectors)) * GPT.sectorSize
        return Array(disk[start..<min(disk.count, start + count * GPT.sectorSize)])
      }
      guard let table = try? reading.table() else { return }
      for partition in table.partitions {
        guard partition.sectorCount > 0, partition.firstLBA <= UInt64.max / UInt64(GPT.sectorSize) else {
          throw Fault(reason: "a partition was taken that cannot be counted with")
        }
      }
      _ = try? table.validate()
      _ = try? GPTUpdate(to: table, from: reading, bootCode: [])
    case .firmware:
      for model in [Model.pi3, .pi4, .pi5] {
        do {
          let medium = BootMedium(size: UInt64(bytes.count), read)
          _ = try FirmwareDouble(model).start(medium, after: Restart(argument: "0 tryboot"))
        } catch is FirmwareDouble.Failure {}
      }
    case .bootRecord:
      let table = MasterBootRecord { lba -> [UInt8] in
        guard let offset = Int(exactly: lba), offset <= bytes.count / GPT.sectorSize else { return [] }
        return Array(bytes.dropFirst(offset * GPT.sectorSize).prefix(GPT.sectorSize))
      }
      for entry in table?.partitions ?? [] {
        _ = table?.partitionID(of: entry)
        guard entry.firstLBA < 1 << 40, entry.sectorCount < 1 << 40 else {
          throw Fault(reason: "a partition was taken that cannot be counted with")
        }
      }
    }
  }

  /// Returns a disk whose header has correct checksums, as random inputs never have them.
  private static func withChecksums(_ bytes: [UInt8]) -> [UInt8] {
    let sector = GPT.sectorSize
    var disk = bytes
    guard disk.count >= 3 * sector else { return disk }
    func number(_ offset: Int, _ count: Int) -> Int {
      disk[offset..<offset + count].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    func put(_ checksum: UInt32, at offset: Int) {
      for index in 0..<4 { disk[offset + index] = UInt8(truncatingIfNeeded: checksum >> (8 * UInt32(index))) }
    }
    disk.replaceSubrange(sector..<sector + 8, with: Array("EFI PART".utf8))
    disk.replaceSubrange(sector + 24..<sector + 32, with: [1, 0, 0, 0, 0, 0, 0, 0])
    let entries = number(sector + 72, 2) * sector
    let size = number(sector + 80, 2) * number(sector + 84, 2)
    put(CRC32.checksum(disk.dropFirst(entries).prefix(size)), at: sector + 88)
    put(0, at: sector + 16)
    put(CRC32.checksum(disk[sector..<sector + min(sector, number(sector + 12, 2))]), at: sector + 16)
    return disk
  }
}
