/// Reads files from a FAT32 file system (Microsoft's FAT specification, version 1.03) like firmware and boot loaders:
/// without a journal and without repairs.
public struct FATReader {
  /// An entry of a folder.
  public struct Item: Equatable, Sendable {
    /// Its long name, or the short one in lower case.
    public var name: String
    /// First cluster; 0 for an empty file.
    public var cluster: UInt32
    /// Size in bytes.
    public var size: Int
    public var isFolder: Bool
  }

  /// A file system that cannot be read.
  public struct Failure: Error, CustomStringConvertible {
    /// The reason.
    public let description: String
  }

  private let read: (Int, UInt64) -> [UInt8]
  private let clusterSize: Int
  private let fatStart: UInt64
  private let dataStart: UInt64
  private let root: UInt32
  private let table: [UInt8]

  /// Reads the boot sector and the first allocation table.
  ///
  /// - Parameter read: Returns a number of bytes from an offset in the file system.
  /// - Throws: ``Failure``.
  public init(read: @escaping (_ count: Int, _ place: UInt64) -> [UInt8]) throws {
    self.read = read
    let boot = read(512, 0)
    func number(_ offset: Int, _ count: Int) -> Int {
      boot[offset..<offset + count].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    guard boot[510] == 0x55, boot[511] == 0xaa, number(11, 2) == 512, number(22, 2) == 0 else {
      throw Failure(description: "there is no FAT32")
    }
    clusterSize = number(13, 1) * 512
    fatStart = UInt64(number(14, 2) * 512)
    let tableSize = number(36, 4) * 512
    dataStart = fatStart + UInt64(number(16, 1) * tableSize)
    root = UInt32(number(44, 4))
    table = read(tableSize, fatStart)
  }

  private func next(_ cluster: UInt32) -> UInt32 {
    let place = Int(cluster) * 4
    guard place + 4 <= table.count else { return 0 }
    // Without closures, for speed: a debug build follows chains of thousands of clusters for each state of a disk.
    return UInt32(table[place]) | UInt32(table[place + 1]) << 8 | UInt32(table[place + 2]) << 16
      | UInt32(table[place + 3] & 0x0f) << 24
  }

  /// Returns the first clusters of a chain, up to a number. The result is shorter if the chain ends early or is
  /// circular.
  public func chain(_ first: UInt32, count: Int) -> [UInt32] {
    var chain: [UInt32] = []
    var cluster = first
    while chain.count < count, (2..<0x0fff_fff8).contains(cluster) {
      chain.append(cluster)
      cluster = next(cluster)
    }
    return chain
  }

  /// Returns the bytes of a chain.
  private func bytes(_ first: UInt32, _ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    for extent in extents(first, count) { bytes += read(extent.count, extent.lowerBound) }
    return bytes
  }

  /// Returns the extents of a chain. Adjacent clusters are one range.
  private func extents(_ first: UInt32, _ count: Int) -> [Range<UInt64>] {
    var extents: [Range<UInt64>] = []
    var left = count
    for cluster in chain(first, count: (count + clusterSize - 1) / clusterSize) {
      let place = dataStart + UInt64(cluster - 2) * UInt64(clusterSize)
      let end = place + UInt64(min(left, clusterSize))
      if let last = extents.last, last.upperBound == place {
        extents[extents.count - 1] = last.lowerBound..<end
      } else {
        extents.append(place..<end)
      }
      left -= clusterSize
    }
    return extents
  }

  /// Returns the entries of a folder.
  ///
  /// - Parameter path: The path from the root, with slashes; empty for the root.
  public func items(_ path: String) -> [Item] {
    var cluster = root
    for name in path.split(separator: "/") {
      guard let folder = items(at: cluster).first(where: { $0.name.lowercased() == name.lowercased() && $0.isFolder })
      else { return [] }
      cluster = folder.cluster
    }
    return items(at: cluster)
  }

  private func items(at cluster: UInt32) -> [Item] {
    let length = chain(cluster, count: 4096).count * clusterSize
    let folder = bytes(cluster, length)
    var items: [Item] = []
    var long: [(order: UInt8, sum: UInt8, units: [UInt16])] = []
    for start in stride(from: 0, to: folder.count, by: 32) {
      let entry = Array(folder[start..<start + 32])
      if entry[0] == 0 { break }
      defer { if entry[11] != 0x0f { long = [] } }
      if entry[0] == 0xe5 { continue }
      if entry[11] == 0x0f {
        let places = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30]
        long.append((entry[0], entry[13], places.map { UInt16(entry[$0]) | UInt16(entry[$0 + 1]) << 8 }))
        continue
      }
      if entry[11] & 0x08 != 0 { continue }
      let sum = entry[0..<11].reduce(UInt8(0)) { ($0 >> 1 | $0 << 7) &+ $1 }
      var name = Self.shortName(entry)
      let parts = long.reversed()
      if !parts.isEmpty, parts.allSatisfy({ $0.sum == sum }),
        parts.enumerated().allSatisfy({ Int($1.order & 0x3f) == $0 + 1 }), (parts.last?.order ?? 0) & 0x40 != 0
      {
        name = String(decoding: parts.flatMap(\.units).prefix { $0 != 0 && $0 != 0xffff }, as: UTF16.self)
      }
      func number(_ offset: Int, _ count: Int) -> UInt32 {
        entry[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt32($1) }
      }
      items.append(
        Item(
          name: name, cluster: number(20, 2) << 16 | number(26, 2), size: Int(number(28, 4)),
          isFolder: entry[11] & 0x10 != 0))
    }
    return items.filter { $0.name != "." && $0.name != ".." }
  }

  private static func shortName(_ entry: [UInt8]) -> String {
    func text(_ bytes: ArraySlice<UInt8>) -> String {
      String(decoding: bytes, as: UTF8.self).trimmingSuffix(" ").lowercased()
    }
    let ending = text(entry[8..<11])
    return text(entry[0..<8]) + (ending.isEmpty ? "" : ".\(ending)")
  }

  /// Returns a file's bytes, or `nil` if it does not exist.
  public func file(_ path: String) -> [UInt8]? {
    guard let item = item(path) else { return nil }
    return item.size == 0 ? [] : bytes(item.cluster, item.size)
  }

  /// Returns the extents of a file in the file system, in order, or `nil` if it does not exist.
  public func extents(_ path: String) -> [Range<UInt64>]? {
    guard let item = item(path) else { return nil }
    return item.size == 0 ? [] : extents(item.cluster, item.size)
  }

  private func item(_ path: String) -> Item? {
    let parts = path.split(separator: "/")
    guard let name = parts.last else { return nil }
    return items(parts.dropLast().joined(separator: "/")).first {
      $0.name.lowercased() == name.lowercased() && !$0.isFolder
    }
  }
}

extension String {
  fileprivate func trimmingSuffix(_ character: Character) -> String {
    var text = self
    while text.last == character { text.removeLast() }
    return text
  }
}
