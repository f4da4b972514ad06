extension ExtFileSystem {
  /// A run of consecutive blocks of a file. Parts of the file outside all runs are zeros.
  struct Run {
    /// Number of the first block in the file.
    var position: UInt64
    var count: UInt64
    /// Number of the first block in the file system.
    var place: UInt64
  }

  /// Maximum number of bytes to read at once.
  private static let piece = 1 << 20

  /// Reads the content of an inode in pieces, from start to end.
  ///
  /// - Throws: ``ExtFailure``, and errors of reading and `body`.
  public func forEachPiece(of inode: ExtInode, _ body: (_ bytes: [UInt8]) throws -> Void) throws {
    let size = inode.size
    var done: UInt64 = 0
    func zeros(until end: UInt64) throws {
      while done < end {
        let count = min(UInt64(Self.piece), end - done)
        try body([UInt8](repeating: 0, count: Int(count)))
        done += count
      }
    }
    for run in try runs(of: inode) {
      try zeros(until: min(size, run.position * UInt64(blockSize)))
      let place = run.place
      var next: UInt64 = 0
      while next < run.count, done < size {
        let count = min(run.count - next, UInt64(Self.piece / blockSize))
        let bytes = try blocks(from: place + next, count: Int(count))
        let wanted = min(UInt64(bytes.count), size - done)
        try body(wanted == UInt64(bytes.count) ? bytes : Array(bytes.prefix(Int(wanted))))
        done += wanted
        next += count
      }
    }
    try zeros(until: size)
  }

  /// Reads the complete content of an inode.
  ///
  /// - Parameter limit: Maximum size in bytes.
  /// - Throws: ``ExtFailure``.
  public func content(of inode: ExtInode, limit: UInt64 = 64 << 20) throws -> [UInt8] {
    guard inode.size <= limit else { throw ExtFailure.damaged("the inode \(inode.number) is too large for its type") }
    var result: [UInt8] = []
    try forEachPiece(of: inode) { result += $0 }
    return result
  }

  /// The target of a symbolic link.
  ///
  /// - Throws: ``ExtFailure``.
  public func target(of link: ExtInode) throws -> [UInt8] {
    // A short target is in the inode's block map.
    if link.size < 60 { return Array(link.map.prefix(Int(link.size))) }
    return try content(of: link, limit: 1 << 16)
  }

  /// The location of a file's content in the file system, in bytes and in the order of the file. Parts that were never
  /// written are left out.
  ///
  /// - Throws: ``ExtFailure``.
  public func places(of inode: ExtInode) throws -> [(position: UInt64, place: UInt64, length: UInt64)] {
    let bytes = UInt64(blockSize)
    return try runs(of: inode).compactMap { run in
      let place = run.place
      guard place < blockCount, run.count <= blockCount - place else { return nil }
      let position = run.position * bytes
      guard position < inode.size else { return nil }
      return (position, place * bytes, min(run.count * bytes, inode.size - position))
    }
  }

  /// The runs of an inode in the order of the file. They do not overlap.
  private func runs(of inode: ExtInode) throws -> [Run] {
    guard inode.size <= size else {
      throw ExtFailure.damaged("the inode \(inode.number) is larger than the file system")
    }
    var runs: [Run] = []
    if inode.usesExtents {
      var end: UInt64 = 0
      try addExtents(inode.map, depth: nil, of: inode, after: &end, to: &runs)
    } else {
      try addMapped(inode, to: &runs)
    }
    return runs
  }

  /// Adds a run. There cannot be more runs than blocks.
  private func add(_ run: Run, of inode: ExtInode, to runs: inout [Run]) throws {
    guard UInt64(runs.count) < blockCount else {
      throw ExtFailure.damaged("the inode \(inode.number) has more extents than there are blocks")
    }
    runs.append(run)
  }

  /// Adds the extents in a node of the extent tree (`ext4_extent_header`).
  ///
  /// - Parameter end: Number of the block after the last extent. A tree that contains a node twice, or in itself, gives
  ///   an extent before this block.
  private func addExtents(
    _ node: [UInt8], depth expected: Int?, of inode: ExtInode, after end: inout UInt64, to runs: inout [Run]
  ) throws {
    let count = Int(node.number(at: 2, as: UInt16.self))
    let depth = Int(node.number(at: 6, as: UInt16.self))
    guard node.number(at: 0, as: UInt16.self) == 0xF30A, 12 + count * 12 <= node.count, depth <= 5,
      expected == nil || depth == expected
    else { throw ExtFailure.damaged("the extents of the inode \(inode.number) are invalid") }
    for index in 0..<count {
      let entry = 12 + index * 12
      if depth > 0 {
        let child =
          UInt64(node.number(at: entry + 4, as: UInt32.self)) | UInt64(node.number(at: entry + 8, as: UInt16.self))
          << 32
        try addExtents(try block(child), depth: depth - 1, of: inode, after: &end, to: &runs)
        continue
      }
      let length = UInt64(node.number(at: entry + 4, as: UInt16.self))
      let place =
        UInt64(node.number(at: entry + 8, as: UInt32.self)) | UInt64(node.number(at: entry + 6, as: UInt16.self)) << 32
      // A greater length stands for blocks that are allocated but not written.
      let isWritten = length <= 32_768
      let position = UInt64(node.number(at: entry, as: UInt32.self))
      guard position >= end, length > 0 else {
        throw ExtFailure.damaged("extents of the inode \(inode.number) overlap")
      }
      end = position + (isWritten ? length : length - 32_768)
      if isWritten { try add(Run(position: position, count: length, place: place), of: inode, to: &runs) }
    }
  }

  /// Adds the blocks of an inode with a block map as in ext2: twelve direct blocks, then single, double and triple
  /// indirect ones.
  private func addMapped(_ inode: ExtInode, to runs: inout [Run]) throws {
    let needed = (inode.size + UInt64(blockSize) - 1) / UInt64(blockSize)
    var position: UInt64 = 0
    func addBlock(_ place: UInt64) throws {
      defer { position += 1 }
      guard place != 0 else { return }
      if let last = runs.last, last.place + last.count == place, last.position + last.count == position {
        runs[runs.count - 1].count += 1
      } else {
        try add(Run(position: position, count: 1, place: place), of: inode, to: &runs)
      }
    }
    func addTree(_ place: UInt64, level: Int) throws {
      guard position < needed else { return }
      guard level > 0 else { return try addBlock(place) }
      let numbers = blockSize / 4
      guard place != 0 else {
        position += (0..<level).reduce(UInt64(1)) { size, _ in size * UInt64(numbers) }
        return
      }
      let list = try block(place)
      for index in 0..<numbers { try addTree(UInt64(list.number(at: index * 4, as: UInt32.self)), level: level - 1) }
    }
    for index in 0..<15 {
      try addTree(UInt64(inode.map.number(at: index * 4, as: UInt32.self)), level: max(0, index - 11))
    }
  }
}
