import Bundle
import ExtFileSystem

/// The locations of file contents in the image of a file system.
struct FileLayout: Sendable {
  /// A contiguous part of a file.
  struct Extent: Sendable, Equatable {
    /// Offset in the file, in bytes.
    var position: Int
    /// Offset in the image, in bytes.
    var place: Int
    var length: Int
  }

  /// The extents of each file, by its path.
  private(set) var files: [String: [Extent]] = [:]

  /// Reads the file system of an image. Returns `nil` if it is of another type, compressed or damaged. This is not an
  /// error: layouts only make delta bundles smaller.
  init?(of image: MappedImage) {
    let start = Array(image.bytes.prefix(2048))
    do {
      if ErofsLayout.isOne(start) {
        try ErofsLayout(image.bytes).forEachFile { path, extent in files[path, default: []].append(extent) }
      } else if ExtFileSystem.isOne(start) {
        try addExt(image)
      }
    } catch { return nil }
    if files.isEmpty { return nil }
  }

  /// The content of a file; `nil` if the file is not found.
  func content(of path: String, in image: MappedImage) -> [UInt8]? {
    files[path].map { extents in extents.flatMap { image.bytes[$0.place..<$0.place + $0.length] } }
  }

  private mutating func addExt(_ image: MappedImage) throws {
    let system = try ExtFileSystem(length: UInt64(image.bytes.count)) { offset, count in
      let start = min(Int(clamping: offset), image.bytes.count)
      return Array(image.bytes[start..<min(start + count, image.bytes.count)])
    }
    try system.walk { path, inode in
      guard inode.kind == .file, inode.size > 0 else { return }
      let extents = try system.places(of: inode).map { run in
        Extent(position: Int(run.position), place: Int(run.place), length: Int(run.length))
      }
      if !extents.isEmpty { files[String(decoding: path, as: UTF8.self)] = extents }
    }
  }
}

/// Finds blocks of an old image with content of the same files as blocks of a new image.
struct PathHints: Sendable {
  /// A range of the new image, and the offset in the old image of the same part of the file.
  private struct Stretch: Sendable {
    var new: Range<Int>
    var old: Int
  }

  private let stretches: [Stretch]
  private let oldBlocks: Int
  /// Blocks to add on either side, because insertions in a file move the content after them.
  private static let slack = 2

  /// Compares layouts; returns `nil` if one of them cannot be read.
  init?(from old: MappedImage, to new: MappedImage) {
    guard let before = FileLayout(of: old), let after = FileLayout(of: new) else { return nil }
    var stretches: [Stretch] = []
    for (path, extents) in after.files {
      guard let former = before.files[path] else { continue }
      for extent in extents {
        let wanted = extent.position..<extent.position + extent.length
        for part in former {
          let common = wanted.clamped(to: part.position..<part.position + part.length)
          guard !common.isEmpty else { continue }
          let place = extent.place + common.lowerBound - extent.position
          stretches.append(
            Stretch(new: place..<place + common.count, old: part.place + common.lowerBound - part.position))
        }
      }
    }
    // Hard links of one file have equal ranges, and their order must be the same in every run.
    self.stretches = stretches.sorted {
      ($0.new.lowerBound, $0.new.upperBound, $0.old) < ($1.new.lowerBound, $1.new.upperBound, $1.old)
    }
    oldBlocks = old.wholeBlocks
  }

  /// Blocks of the old image for blocks of the new one, in the order of the new image.
  func ranges(for blocks: Range<Int>) -> [BlockRange] {
    let bytes = blocks.lowerBound * BundleLimits.block..<blocks.upperBound * BundleLimits.block
    return stretches[firstStretch(endingAfter: bytes.lowerBound)...]
      .prefix { $0.new.lowerBound < bytes.upperBound }
      .map { stretch in
        let common = stretch.new.clamped(to: bytes)
        let old = stretch.old + common.lowerBound - stretch.new.lowerBound
        let start = max(0, old / BundleLimits.block - Self.slack)
        let end = min(
          oldBlocks, (old + common.count + BundleLimits.block - 1) / BundleLimits.block + Self.slack)
        return BlockRange(start: start, count: max(0, end - start))
      }.filter { $0.count > 0 }
  }

  /// A binary search. Ranges of a valid file system are equal or disjoint, so they are also in the order of their ends.
  private func firstStretch(endingAfter byte: Int) -> Int {
    var range = 0..<stretches.count
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      range =
        stretches[middle].new.upperBound <= byte ? middle + 1..<range.upperBound : range.lowerBound..<middle
    }
    return range.lowerBound
  }
}
