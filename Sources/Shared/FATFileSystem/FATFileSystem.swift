/// A reader for FAT file systems in a file or disk (Microsoft's FAT specification 1.03). It mounts nothing.
///
/// A cluster belongs to at most one file or folder. A cluster chain that leads into itself or another chain is
/// therefore an error, and the length of the file system limits all work.
public struct FATFileSystem {
  /// Returns `count` bytes from an offset in the file system, or fewer at its end.
  public typealias Reader = (_ offset: UInt64, _ count: Int) throws -> [UInt8]

  /// An error for a damaged or unsupported file system.
  public struct Failure: Error, Equatable {
    /// The reason, as a clause with the file system as "it".
    public var reason: String
  }

  /// A file or folder.
  public struct Entry: Sendable, Equatable {
    public var name: String
    /// True for a folder.
    public var isFolder: Bool
    /// Size of a file in bytes.
    public var size: UInt64
    /// Modification time in seconds since 1970. FAT has no time zones, so the stored time counts as UTC.
    public var time: Int64
    fileprivate var cluster: UInt32
  }

  /// The width of the entries of the allocation table in bits.
  public enum Variant: Int, Sendable {
    case twelve = 12
    case sixteen = 16
    case thirtyTwo = 32

    func bytes(of count: UInt64) -> UInt64 { (count * UInt64(rawValue) + 7) / 8 }
  }

  /// The variant by the layout of the first sector, as Linux and mtools determine it: FAT32 has no size of a table in
  /// the field of the older variants. By Microsoft's specification, the number of clusters alone decides.
  public let variant: Variant
  /// Number of clusters.
  public let clusterCount: UInt32
  private let read: Reader
  private let clusterSize: UInt64
  private let dataStart: UInt64
  private let rootEntries: (offset: UInt64, count: Int)?
  private let rootCluster: UInt32
  private let table: Table
  private let used: UsedClusters

  /// Opens a file system.
  ///
  /// - Parameters:
  ///   - length: Number of bytes that `read` can return.
  ///   - read: Returns bytes of the file system.
  /// - Throws: ``Failure``, and errors of `read`.
  public init(length: UInt64, _ read: @escaping Reader) throws {
    self.read = read
    let start = try read(0, 512)
    func number(_ offset: Int, _ count: Int) -> UInt64 {
      start.dropFirst(offset).prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    let sectorSize = number(11, 2)
    let sectors = number(19, 2) != 0 ? number(19, 2) : number(32, 4)
    let tableSectors = number(22, 2) != 0 ? number(22, 2) : number(36, 4)
    clusterSize = number(13, 1) * sectorSize
    let rootSectors = sectorSize == 0 ? 0 : (number(17, 2) * 32 + sectorSize - 1) / sectorSize
    let tableStart = number(14, 2)
    let rootStart = tableStart + number(16, 1) * tableSectors
    dataStart = (rootStart + rootSectors) * sectorSize
    guard start.count == 512, [512, 1024, 2048, 4096].contains(sectorSize), number(13, 1).nonzeroBitCount == 1,
      tableSectors > 0, tableStart > 0, number(16, 1) > 0, rootStart + rootSectors < sectors
    else { throw Failure(reason: "its first sector contradicts itself") }
    guard sectors * sectorSize <= length else {
      throw Failure(reason: "it ends early: it has \(sectors * sectorSize) bytes, but only \(length) are there")
    }
    clusterCount = UInt32(clamping: (sectors - rootStart - rootSectors) / number(13, 1))
    variant = number(22, 2) == 0 ? .thirtyTwo : clusterCount < 4085 ? .twelve : .sixteen
    guard variant == .thirtyTwo || clusterCount < 65_525 else {
      throw Failure(reason: "it has \(clusterCount) clusters, too many for FAT16")
    }
    let tableBytes = tableSectors * sectorSize
    // The complete allocation table is read. 64 MiB of it are enough for a file system of 64 GiB and more.
    guard variant.bytes(of: UInt64(clusterCount)) <= 64 << 20 else {
      throw Failure(reason: "it has more than 16,777,216 clusters, which no boot partition needs")
    }
    guard clusterCount > 0, tableBytes >= variant.bytes(of: UInt64(clusterCount) + 2) else {
      throw Failure(reason: "its allocation table is too short")
    }
    table = Table(
      bytes: try read(tableStart * sectorSize, Int(variant.bytes(of: UInt64(clusterCount) + 2))), width: variant)
    rootEntries = variant == .thirtyTwo ? nil : (rootStart * sectorSize, Int(number(17, 2)))
    rootCluster = UInt32(number(44, 4))
    used = UsedClusters(count: Int(clusterCount))
  }

  /// Maximum length of a path in bytes. A hostile file system could otherwise have long paths in great numbers.
  private static let pathLimit = 1024
  /// Maximum number of files and folders.
  private static let entryLimit = 100_000

  /// Calls `body` for everything below the root folder. A folder comes before its content.
  ///
  /// - Parameter intoFolders: False for the root folder only. Damage in other folders then causes no error.
  /// - Throws: ``Failure``, and errors of reading and `body`.
  public func walk(intoFolders: Bool = true, _ body: (_ path: String, _ entry: Entry) throws -> Void) throws {
    var count = 0
    func walk(_ content: [UInt8], _ path: String, depth: Int) throws {
      for entry in try Self.entries(content) {
        let place = path.isEmpty ? entry.name : "\(path)/\(entry.name)"
        count += 1
        guard depth < 128, place.utf8.count <= Self.pathLimit else {
          throw Failure(reason: "it has a path that is too long")
        }
        guard count <= Self.entryLimit else { throw Failure(reason: "it has too many files") }
        try body(place, entry)
        if entry.isFolder, intoFolders { try walk(try folder(entry.cluster), place, depth: depth + 1) }
      }
    }
    let root =
      if let rootEntries { try read(rootEntries.offset, rootEntries.count * 32) } else { try folder(rootCluster) }
    try walk(root, "", depth: 0)
  }

  /// Reads the content of a file in pieces. Only possible once for each file.
  ///
  /// - Throws: ``Failure``, and errors of reading and `body`.
  public func forEachPiece(of file: Entry, _ body: (_ bytes: [UInt8]) throws -> Void) throws {
    try forEachPlacedPiece(of: file) { bytes, _ in try body(bytes) }
  }

  /// Reads the content of a file in pieces, each with its offset in the file system in bytes. Only possible once for
  /// each file.
  ///
  /// - Throws: ``Failure``, and errors of reading and `body`.
  public func forEachPlacedPiece(
    of file: Entry, _ body: (_ bytes: [UInt8], _ offset: UInt64) throws -> Void
  ) throws {
    var rest = file.size
    guard rest > 0 else { return }
    try forEachCluster(from: file.cluster) { cluster in
      guard rest > 0 else { return }
      let count = min(rest, clusterSize)
      try body(try bytes(of: cluster, count: Int(count)), offset(of: cluster))
      rest -= count
    }
    guard rest == 0 else { throw Failure(reason: "\(file.name) has fewer clusters than bytes") }
  }

  // MARK: Clusters

  private struct Table {
    var bytes: [UInt8]
    var width: Variant

    /// The cluster after another one; `nil` at the end of a chain.
    func next(_ cluster: UInt32) -> UInt32? {
      let index = Int(cluster)
      func byte(_ offset: Int) -> UInt32 { offset < bytes.count ? UInt32(bytes[offset]) : 0 }
      switch width {
      case .twelve:
        let pair = byte(index * 3 / 2) | byte(index * 3 / 2 + 1) << 8
        let value = index % 2 == 0 ? pair & 0xFFF : pair >> 4
        return value >= 0xFF8 ? nil : value
      case .sixteen:
        let value = byte(index * 2) | byte(index * 2 + 1) << 8
        return value >= 0xFFF8 ? nil : value
      case .thirtyTwo:
        let value = (0..<4).reduce(UInt32(0)) { $0 | byte(index * 4 + $1) << (8 * UInt32($1)) } & 0x0FFF_FFFF
        return value >= 0x0FFF_FFF8 ? nil : value
      }
    }
  }

  /// Records the clusters that belong to a file or folder.
  private final class UsedClusters {
    private var isUsed: [Bool]

    init(count: Int) { isUsed = [Bool](repeating: false, count: count) }

    /// Marks a cluster as used. Returns false if it already was.
    func take(_ index: Int) -> Bool {
      defer { isUsed[index] = true }
      return !isUsed[index]
    }
  }

  private func forEachCluster(from first: UInt32, _ body: (UInt32) throws -> Void) throws {
    var current: UInt32? = first
    while let cluster = current {
      guard cluster >= 2, cluster - 2 < clusterCount else {
        throw Failure(reason: "it refers to cluster \(cluster), which does not exist")
      }
      guard used.take(Int(cluster - 2)) else {
        throw Failure(reason: "two files share cluster \(cluster), or a chain of clusters is a loop")
      }
      try body(cluster)
      current = table.next(cluster)
    }
  }

  private func offset(of cluster: UInt32) -> UInt64 { dataStart + UInt64(cluster - 2) * clusterSize }

  private func bytes(of cluster: UInt32, count: Int) throws -> [UInt8] {
    let bytes = try read(offset(of: cluster), count)
    guard bytes.count == count else { throw Failure(reason: "its end is missing") }
    return bytes
  }

  /// Maximum size of a folder in bytes: 65,536 entries of 32 bytes.
  private static let folderLimit = 65_536 * 32

  private func folder(_ first: UInt32) throws -> [UInt8] {
    var content: [UInt8] = []
    try forEachCluster(from: first) { cluster in
      guard content.count < Self.folderLimit else { throw Failure(reason: "it has a folder that is too large") }
      content += try bytes(of: cluster, count: Int(clusterSize))
    }
    return content
  }

  // MARK: Names

  /// The entries of a folder, without `.`, `..` and the volume label.
  private static func entries(_ content: [UInt8]) throws -> [Entry] {
    var entries: [Entry] = []
    var long: [(order: UInt8, sum: UInt8, units: [UInt16])] = []
    for start in stride(from: 0, through: content.count - 32, by: 32) {
      let raw = Array(content[start..<start + 32])
      func number(_ offset: Int, _ count: Int) -> UInt32 {
        raw[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt32($1) }
      }
      if raw[0] == 0 { break }
      if raw[0] == 0xE5 {
        long = []
        continue
      }
      if raw[11] & 0x3F == 0x0F {
        let places = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30]
        if raw[0] & 0x40 != 0 { long = [] }
        long.append((raw[0] & 0x3F, raw[13], places.map { UInt16(number($0, 2)) }))
        continue
      }
      defer { long = [] }
      guard raw[11] & 0x08 == 0, raw[0] != UInt8(ascii: ".") else { continue }
      let name = longName(long, of: raw) ?? shortName(raw)
      guard !name.isEmpty, name != ".", name != "..",
        !name.unicodeScalars.contains(where: { $0 == "/" || $0.value < 32 })
      else { throw Failure(reason: "it has an invalid name") }
      entries.append(
        Entry(
          name: name, isFolder: raw[11] & 0x10 != 0, size: UInt64(number(28, 4)),
          time: time(date: number(24, 2), time: number(22, 2)), cluster: number(20, 2) << 16 | number(26, 2)))
    }
    return entries
  }

  /// The long name before an entry; `nil` if there is none, or if it belongs to another entry.
  private static func longName(_ parts: [(order: UInt8, sum: UInt8, units: [UInt16])], of raw: [UInt8]) -> String? {
    let sum = raw[0..<11].reduce(UInt8(0)) { ($0 >> 1 | $0 << 7) &+ $1 }
    // 255 characters (Microsoft's specification of FAT, section 7) are 20 parts.
    guard (1...20).contains(parts.count), parts.allSatisfy({ $0.sum == sum }),
      parts.map({ Int($0.order) }) == Array((1...parts.count).reversed())
    else { return nil }
    return String(decoding: parts.reversed().flatMap(\.units).prefix { $0 != 0 }, as: UTF16.self)
  }

  private static func shortName(_ raw: [UInt8]) -> String {
    func text(_ range: Range<Int>, isLower: Bool) -> String {
      var bytes = raw[range].map { $0 < 0x80 ? $0 : UInt8(ascii: "_") }
      while bytes.last == 0x20 { bytes.removeLast() }
      let text = String(decoding: bytes, as: UTF8.self)
      return isLower ? text.lowercased() : text
    }
    let (base, ending) = (text(0..<8, isLower: raw[12] & 0x08 != 0), text(8..<11, isLower: raw[12] & 0x10 != 0))
    return ending.isEmpty ? base : "\(base).\(ending)"
  }

  /// Converts a date and time of FAT, which begin in 1980, to seconds since 1970.
  private static func time(date: UInt32, time: UInt32) -> Int64 {
    let (year, month, day) = (Int64(date >> 9) + 1980, max(1, Int64(date >> 5 & 15)), max(1, Int64(date & 31)))
    // Days of the proleptic Gregorian calendar, with years that begin in March.
    let (shiftedYear, shiftedMonth) = (month > 2 ? year : year - 1, (month + 9) % 12)
    let days =
      365 * shiftedYear + shiftedYear / 4 - shiftedYear / 100 + shiftedYear / 400 + (153 * shiftedMonth + 2) / 5 + day
      - 1
    return (days - 719_468) * 86_400 + Int64(time >> 11) * 3600 + Int64(time >> 5 & 63) * 60 + Int64(time & 31) * 2
  }
}
