import LinuxSystem

/// Exchanges the contents of two files of a FAT32 file system by writing one sector (Microsoft's FAT specification
/// 1.03).
///
/// The firmware expects a boot loader under a fixed name, so that file must never be missing or incomplete. FAT cannot
/// replace a file atomically. But if both directory entries are in one sector, writing that sector with clusters and
/// sizes exchanged either happens completely or not at all. The file system must not be mounted during the exchange.
public struct FATExchange {
  private let device: BlockDevice
  private let clusterSectors: UInt64
  private let tableStart: UInt64
  private let dataStart: UInt64
  private let root: UInt32

  /// An error of an exchange.
  public struct Failure: Error, Equatable, CustomStringConvertible {
    public let description: String
  }

  /// Opens the file system on a block device.
  ///
  /// - Throws: ``Failure`` if the device has no FAT32 file system with sectors of 512 bytes, `SystemError`.
  public init(_ path: String) throws {
    device = try BlockDevice(path, writable: true)
    let boot = try device.read(0, 1)
    func number(_ offset: Int, _ count: Int) -> UInt64 {
      boot[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    guard boot.count == 512, boot[510] == 0x55, boot[511] == 0xaa, number(11, 2) == 512, number(22, 2) == 0,
      number(13, 1) > 0
    else { throw Failure(description: "\(path) has no FAT32 file system") }
    clusterSectors = number(13, 1)
    tableStart = number(14, 2)
    dataStart = tableStart + number(16, 1) * number(36, 4)
    root = UInt32(number(44, 4))
  }

  /// Exchanges two files in a folder.
  ///
  /// - Parameters:
  ///   - folder: Names of the folders on the path, from the root.
  ///   - one: Name of a file. All names are in upper case: at most 8 characters, a dot, at most 3 characters.
  ///   - other: Name of the other file.
  /// - Throws: ``Failure`` if a file does not exist, or the two entries are not in one sector; `SystemError`.
  public func exchange(in folder: [String], _ one: String, _ other: String) throws {
    var cluster = root
    for name in folder {
      guard let (sector, offset) = try find(name, in: cluster, isFolder: true) else {
        throw Failure(description: "there is no folder \(name) on \(device.path)")
      }
      cluster = Self.cluster(of: try device.read(sector, 1), offset)
    }
    guard let first = try find(one, in: cluster, isFolder: false),
      let second = try find(other, in: cluster, isFolder: false)
    else { throw Failure(description: "\(one) or \(other) does not exist on \(device.path)") }
    guard first.sector == second.sector else {
      throw Failure(description: "the directory entries of \(one) and \(other) are not in one sector on \(device.path)")
    }
    var bytes = try device.read(first.sector, 1)
    // Exchange times, clusters and sizes; keep names and attributes.
    for offset in 14..<32 { bytes.swapAt(first.offset + offset, second.offset + offset) }
    try device.write(bytes, at: first.sector)
    try device.synchronise()
  }

  private static func cluster(of sector: [UInt8], _ offset: Int) -> UInt32 {
    func number(_ place: Int) -> UInt32 { UInt32(sector[offset + place]) | UInt32(sector[offset + place + 1]) << 8 }
    return number(20) << 16 | number(26)
  }

  /// The name as a directory entry stores it: eleven characters, padded with spaces.
  private static func stored(_ name: String) -> [UInt8] {
    let parts = name.split(separator: ".", maxSplits: 1)
    func padded(_ text: Substring, _ count: Int) -> [UInt8] {
      Array(text.utf8.prefix(count)) + [UInt8](repeating: 0x20, count: max(0, count - text.utf8.count))
    }
    return padded(parts[0], 8) + padded(parts.count > 1 ? parts[1] : "", 3)
  }

  /// Finds a directory entry by name, in the folder that begins at a cluster.
  private func find(
    _ name: String, in first: UInt32, isFolder: Bool
  ) throws(SystemError) -> (sector: UInt64, offset: Int)? {
    let wanted = Self.stored(name)
    var cluster = first
    // A folder has at most 65,536 entries. This limit also ends a cluster chain with a cycle.
    var rest = 65_536 * 32 / 512
    while (2..<0x0fff_fff8).contains(cluster), rest > 0 {
      let start = dataStart + UInt64(cluster - 2) * clusterSectors
      for sector in start..<start + clusterSectors {
        rest -= 1
        let bytes = try device.read(sector, 1)
        for offset in stride(from: 0, to: bytes.count, by: 32) {
          if bytes[offset] == 0 { return nil }
          let attributes = bytes[offset + 11]
          // Skips parts of long names and the volume label.
          guard attributes & 0x08 == 0, (attributes & 0x10 != 0) == isFolder else { continue }
          if Array(bytes[offset..<offset + 11]) == wanted { return (sector, offset) }
        }
      }
      let entry = try device.read(tableStart + UInt64(cluster) * 4 / 512, 1)
      let place = Int(cluster) * 4 % 512
      guard place + 4 <= entry.count else { return nil }
      cluster = entry[place..<place + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) } & 0x0fff_ffff
    }
    return nil
  }
}
