import Foundation

/// A disk as on an SD card, in memory: partitions in an MBR, with file systems of `mkfs.fat`.
public struct CardImage: Sendable {
  /// Sectors before each partition.
  private static let alignment = 2048
  private static let sectorSize = 512

  /// The whole disk.
  public private(set) var bytes: [UInt8]
  /// Offsets of the partitions in bytes, by number.
  public private(set) var places: [Int: Range<Int>] = [:]

  /// A partition of the disk.
  public struct Partition: Sendable {
    /// The type in the table.
    public var type: UInt8
    public var content: [UInt8]

    public init(type: UInt8 = 0x0E, _ content: [UInt8]) {
      self.type = type
      self.content = content
    }
  }

  /// Makes a disk with up to four primary partitions. If there are more, the fourth is an extended one with the rest.
  public init(_ partitions: [Partition]) {
    bytes = [UInt8](repeating: 0, count: Self.alignment * Self.sectorSize)
    let hasLogical = partitions.count > 4
    let primary = hasLogical ? 3 : partitions.count
    for index in 0..<primary {
      setEntry(index, in: 0, type: partitions[index].type, at: append(partitions[index], index + 1))
    }
    if hasLogical {
      let start = bytes.count / Self.sectorSize
      var record = start
      for index in primary..<partitions.count {
        // An extended boot record precedes each logical partition.
        bytes += [UInt8](repeating: 0, count: Self.alignment * Self.sectorSize)
        let place = append(partitions[index], index + 2)
        setEntry(0, in: record, type: partitions[index].type, at: place, base: record)
        if index + 1 < partitions.count {
          let next = bytes.count / Self.sectorSize
          setEntry(1, in: record, type: 0x05, at: next..<next + Self.alignment, base: start)
          record = next
        }
      }
      setEntry(3, in: 0, type: 0x0F, at: start..<bytes.count / Self.sectorSize)
    }
  }

  private func sectors(_ number: Int) -> Range<Int> {
    let place = places[number] ?? 0..<0
    return place.lowerBound / Self.sectorSize..<place.upperBound / Self.sectorSize
  }

  private mutating func append(_ partition: Partition, _ number: Int) -> Range<Int> {
    let start = bytes.count
    let length = (partition.content.count + Self.alignment * Self.sectorSize - 1) / (Self.alignment * Self.sectorSize)
    bytes += partition.content
    bytes += [UInt8](
      repeating: 0, count: length * Self.alignment * Self.sectorSize - partition.content.count)
    places[number] = start..<bytes.count
    return sectors(number)
  }

  private mutating func setEntry(_ index: Int, in record: Int, type: UInt8, at place: Range<Int>, base: Int = 0) {
    let start = record * Self.sectorSize
    let offset = start + 446 + index * 16
    func number(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    bytes[offset + 4] = type
    bytes.replaceSubrange(offset + 8..<offset + 16, with: number(place.lowerBound - base) + number(place.count))
    (bytes[start + 510], bytes[start + 511]) = (0x55, 0xAA)
  }

  /// Makes a FAT file system with files, by `mkfs.fat` and `mcopy`.
  ///
  /// - Parameters:
  ///   - files: Contents by path.
  ///   - variant: 12, 16 or 32.
  ///   - size: Size in KiB.
  ///   - clusterSectors: Size of a cluster in sectors.
  public static func fat(
    _ files: [String: [UInt8]], variant: Int = 16, size: Int = 8192, clusterSectors: Int = 1
  ) throws -> [UInt8] {
    let folder = ProcessFolder.newPlace("fat")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder.appending(path: "files"), withIntermediateDirectories: true)
    for (path, bytes) in files { try folder.writing(bytes, to: "files/\(path)") }
    let made = try Judge("sh").run(
      [
        "-euc",
        "mkfs.fat -C -s \(clusterSectors) -F \(variant) image \(size) > /dev/null; "
          + (files.isEmpty ? "" : "LC_ALL=C.UTF-8 mcopy -s -i image files/* ::"),
      ], in: folder)
    guard made.status == 0 else { throw Failure(description: made.errors) }
    return Array(try Data(contentsOf: folder.appending(path: "image")))
  }

  /// A file system that cannot be made.
  public struct Failure: Error, CustomStringConvertible {
    public var description: String
  }

  /// Returns bytes from an offset, or fewer at the end.
  public func read(_ offset: UInt64, _ count: Int) -> [UInt8] {
    let start = Int(min(offset, UInt64(bytes.count)))
    return Array(bytes[start..<min(start + count, bytes.count)])
  }
}
