import HostSystem

/// Writes QEMU's copy-on-write images (QEMU, docs/interop/qcow2.txt), version 3, without compression, encryption or snapshots.
///
/// Clusters of zeros are not allocated. The other clusters are in the order of the disk.
enum Qcow2Image {
  private static let clusterBits: UInt32 = 16
  private static let cluster: Int64 = 1 << 16
  /// Number of entries of a second-level table and of a cluster of the refcount table; entries have eight bytes.
  private static let tableEntries: Int64 = cluster / 8
  /// Number of entries of a refcount block; entries have two bytes.
  private static let refcountEntries: Int64 = cluster / 2
  /// Bit 63 of an entry: the cluster has exactly one reference and may be written in place.
  private static let copied: UInt64 = 1 << 63

  /// Writes a raw image in this format.
  ///
  /// - Throws: `FileFailure`.
  static func write(_ image: String, to path: String) throws {
    let source = try ImageFile(reading: image)
    let data = try clustersWithContent(source)
    let first = units(units(source.size, cluster), tableEntries)
    // The file contains: header, refcount table, refcount blocks, first-level table, second-level tables, data.
    let firstClusters = units(first * 8, cluster)
    let others = 1 + firstClusters + first + Int64(data.count)
    var refcountBlocks: Int64 = 0
    var refcountClusters: Int64 = 0
    while true {
      let total = others + refcountBlocks + refcountClusters
      let blocks = units(total, refcountEntries)
      let table = units(blocks * 8, cluster)
      if (blocks, table) == (refcountBlocks, refcountClusters) { break }
      (refcountBlocks, refcountClusters) = (blocks, table)
    }
    let refcountStart = 1 + refcountClusters
    let firstStart = refcountStart + refcountBlocks
    let secondStart = firstStart + firstClusters
    let dataStart = secondStart + first
    let total = dataStart + Int64(data.count)

    var file = try NewFile(path)
    try file.append(header(size: source.size, firstEntries: first, firstAt: firstStart, refcountClusters))
    func begin(_ index: Int64, _ file: inout NewFile) { file.skip(index * cluster - file.position) }
    begin(1, &file)
    try file.append((0..<refcountBlocks).flatMap { UInt64((refcountStart + $0) * cluster).bigBytes })
    begin(refcountStart, &file)
    try file.append((0..<total).flatMap { _ in UInt16(1).bigBytes })
    begin(firstStart, &file)
    try file.append((0..<first).flatMap { (UInt64((secondStart + $0) * cluster) | copied).bigBytes })
    begin(secondStart, &file)
    var second = [UInt8](repeating: 0, count: Int(first * cluster))
    for (index, guest) in data.enumerated() {
      let entry = UInt64((dataStart + Int64(index)) * cluster) | copied
      second.replaceSubrange(Int(guest * 8)..<Int(guest * 8 + 8), with: entry.bigBytes)
    }
    try file.append(second)
    begin(dataStart, &file)
    for guest in data {
      let bytes = guest * cluster..<min((guest + 1) * cluster, source.size)
      try source.forEachPiece(of: bytes) { piece, _ in try file.append(UnsafeRawBufferPointer(piece)) }
    }
    // Pad the last cluster if the disk ends within it.
    let rest = total * cluster - file.position
    if rest > 0 { try file.append([UInt8](repeating: 0, count: Int(rest))) }
  }

  private static func units(_ size: Int64, _ unit: Int64) -> Int64 { (size + unit - 1) / unit }

  private static func clustersWithContent(_ source: borrowing ImageFile) throws -> [Int64] {
    var found: [Int64] = []
    try source.forEachPiece(of: 0..<source.size) { piece, offset in
      for start in stride(from: 0, to: piece.count, by: Int(cluster)) {
        guard !SparseFile.isZero(piece[start..<min(start + Int(cluster), piece.count)]) else { continue }
        found.append((offset + Int64(start)) / cluster)
      }
    }
    return found
  }

  private static func header(size: Int64, firstEntries: Int64, firstAt: Int64, _ refcountClusters: Int64) -> [UInt8] {
    var bytes: [UInt8] = Array("QFI".utf8) + [0xfb]
    bytes += UInt32(3).bigBytes
    // No backing file.
    bytes += UInt64(0).bigBytes + UInt32(0).bigBytes
    bytes += clusterBits.bigBytes + UInt64(size).bigBytes
    // Not encrypted.
    bytes += UInt32(0).bigBytes
    bytes += UInt32(firstEntries).bigBytes + UInt64(firstAt * cluster).bigBytes
    bytes += UInt64(cluster).bigBytes + UInt32(refcountClusters).bigBytes
    // No snapshots, no features.
    bytes += UInt32(0).bigBytes + UInt64(0).bigBytes
    bytes += UInt64(0).bigBytes + UInt64(0).bigBytes + UInt64(0).bigBytes
    // 16-bit refcounts, length of this header, end of the header extensions.
    return bytes + UInt32(4).bigBytes + UInt32(104).bigBytes + UInt64(0).bigBytes
  }
}
