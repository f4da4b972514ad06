import FATFileSystem
import PartitionTable

/// A disk, as the boot loader of a Raspberry Pi reads it.
public struct BootMedium {
  /// Returns `count` bytes from an offset, or fewer at the end of the disk.
  public typealias Reader = (_ offset: UInt64, _ count: Int) throws -> [UInt8]

  private let size: UInt64
  private let read: Reader

  /// - Parameter size: Size of the disk in bytes.
  public init(size: UInt64, _ read: @escaping Reader) {
    self.size = size
    self.read = read
  }

  /// Types in an MBR that the boot loader takes for FAT.
  private static let fatTypes: Set<UInt8> = [0x01, 0x04, 0x06, 0x0B, 0x0C, 0x0E]
  /// Types in a GPT that the boot loader takes for FAT: basic data, and the EFI system partition.
  private static let gptTypes: Set<PartitionType> = [
    PartitionType(GUID("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7") ?? .zero), .efiSystem,
  ]

  /// The partitions with a FAT file system that the boot loader can read, by number.
  ///
  /// - Parameter note: Receives the reason why a partition is left out.
  func partitions(_ note: (String) -> Void) throws -> [Partition] {
    let sector = UInt64(GPT.sectorSize)
    let record = try MasterBootRecord { try read($0 * sector, Int(sector)) }
    guard let record else { return [] }
    let isGPT = record.partitions.contains { $0.type == MasterBootRecord.protectiveType }
    var places: [(number: Int, start: UInt64, count: UInt64)] = []
    if isGPT {
      let reading = try GPTReading(diskSizeInSectors: size / sector) { lba, count in
        // A table may name sectors far behind the end.
        lba < size / sector ? try read(lba * sector, count * Int(sector)) : []
      }
      guard case .success(let table) = reading.primary else {
        note("the primary GPT is damaged")
        return []
      }
      places = table.partitions.filter { Self.gptTypes.contains($0.type) }
        .map { ($0.number, $0.firstLBA, $0.sectorCount) }
    } else {
      places = record.partitions.filter { (1...4).contains($0.number) && Self.fatTypes.contains($0.type) }
        .map { ($0.number, $0.firstLBA, $0.sectorCount) }
    }
    return try places.sorted { $0.number < $1.number }.compactMap { number, start, count in
      guard start < size / sector else {
        note("partition \(number) begins behind the end of the disk")
        return nil
      }
      let partition = Partition(
        number: number, start: start * sector, length: min(count, size / sector - start) * sector, read: read)
      do {
        let files = try partition.open()
        if isGPT, files.variant == .thirtyTwo, files.clusterCount < 65_525 {
          note(
            "partition \(number) is FAT32 with \(files.clusterCount) clusters: on a GPT the boot loader takes it for "
              + "FAT16, and finds nothing in it")
          return nil
        }
        return partition
      } catch let failure as FATFileSystem.Failure {
        note("partition \(number) cannot be read: \(failure.reason)")
        return nil
      }
    }
  }

  /// A partition with a FAT file system.
  final class Partition {
    let number: Int
    private let start: UInt64
    private let length: UInt64
    private let reader: Reader
    /// The files, by path in lower case. They are listed once, so that many look-ups on a hostile disk cost little.
    private lazy var files = Result { try list() }

    fileprivate init(number: Int, start: UInt64, length: UInt64, read: @escaping Reader) {
      (self.number, self.start, self.length, self.reader) = (number, start, length, read)
    }

    fileprivate func open() throws -> FATFileSystem {
      try FATFileSystem(length: length) { [start, length, reader] offset, count in
        offset < length ? try reader(start + offset, min(count, Int(length - offset))) : []
      }
    }

    private func list() throws -> [String: FATFileSystem.Entry] {
      var files: [String: FATFileSystem.Entry] = [:]
      do {
        // FAT does not distinguish upper and lower case.
        try open().walk { path, entry in if !entry.isFolder { files[path.lowercased()] = entry } }
      } catch is FATFileSystem.Failure {
        // The files before the damage can be found.
        return files
      }
      return files
    }

    private func entry(_ path: String) throws -> FATFileSystem.Entry? {
      try files.get()[String(path.drop { $0 == "/" }).lowercased()]
    }

    /// True if a file exists.
    func has(_ path: String) throws -> Bool { try entry(path) != nil }

    /// Reads a file; `nil` if it does not exist or is damaged.
    ///
    /// - Parameters:
    ///   - limit: Maximum number of bytes.
    ///   - isCut: True to read the beginning of a longer file, false to read nothing of it.
    func read(_ path: String, limit: Int, isCut: Bool = false) throws -> [UInt8]? {
      guard let entry = try entry(path), isCut || entry.size <= UInt64(limit) else { return nil }
      do {
        var bytes: [UInt8] = []
        try open().forEachPiece(of: entry) { if bytes.count < limit { bytes += $0 } }
        return Array(bytes.prefix(limit))
      } catch is FATFileSystem.Failure {
        // Like the firmware: a file that cannot be read does not exist.
        return nil
      }
    }
  }
}
