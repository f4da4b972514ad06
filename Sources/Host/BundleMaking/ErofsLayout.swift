/// Finds the content of files in an uncompressed EROFS image (Linux kernel, `fs/erofs/erofs_fs.h`). Checks every number
/// before use, so that damage causes an error.
struct ErofsLayout {
  /// The image is damaged.
  struct Damage: Error {}

  private let image: UnsafeRawBufferPointer
  private let blockSize: Int
  private let metadata: Int
  private let rootNode: UInt64

  private static let superblock = 1024
  private static let magic: UInt32 = 0xe0f5_e1e2
  /// Maximum depth of folders.
  private static let mostDepth = 128

  /// True if an image begins like an EROFS file system.
  static func isOne(_ start: [UInt8]) -> Bool {
    start.count >= 2048
      && start.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: superblock, as: UInt32.self) } == magic
  }

  /// Reads the superblock of an image.
  init(_ image: UnsafeRawBufferPointer) throws {
    self.image = image
    guard image.count >= 2048 else { throw Damage() }
    let logBlockSize = image[Self.superblock + 12]
    guard (9...16).contains(logBlockSize) else { throw Damage() }
    blockSize = 1 << Int(logBlockSize)
    rootNode = UInt64(image.loadUnaligned(fromByteOffset: Self.superblock + 14, as: UInt16.self))
    metadata = Int(image.loadUnaligned(fromByteOffset: Self.superblock + 40, as: UInt32.self)) * blockSize
  }

  private func number<Number: FixedWidthInteger>(at offset: Int, _ type: Number.Type) throws -> Number {
    guard offset >= 0, offset <= image.count - MemoryLayout<Number>.size else { throw Damage() }
    return Number(littleEndian: image.loadUnaligned(fromByteOffset: offset, as: type))
  }

  /// The location of an inode's content; `nil` if it is compressed or in chunks.
  private struct Node {
    var extents: [FileLayout.Extent]?
  }

  private func node(_ id: UInt64) throws -> Node {
    guard id < UInt64(image.count) else { throw Damage() }
    let place = metadata + Int(id) * 32
    let format = try number(at: place, UInt16.self)
    let isExtended = format & 1 == 1
    let attributes = Int(try number(at: place + 2, UInt16.self))
    let size = Int(
      clamping: isExtended ? try number(at: place + 8, UInt64.self) : UInt64(try number(at: place + 8, UInt32.self)))
    let start = Int(try number(at: place + 16, UInt32.self)) * blockSize
    var node = Node()
    switch format >> 1 & 7 {
    case 0:  // EROFS_INODE_FLAT_PLAIN
      node.extents = [FileLayout.Extent(position: 0, place: start, length: size)]
    case 2:  // EROFS_INODE_FLAT_INLINE: what does not fill a block stands after inode and attributes
      let blocks = size / blockSize * blockSize
      let tail = place + (isExtended ? 64 : 32) + (attributes == 0 ? 0 : 12 + 4 * (attributes - 1))
      node.extents = [
        FileLayout.Extent(position: 0, place: start, length: blocks),
        FileLayout.Extent(position: blocks, place: tail, length: size - blocks),
      ]
    default: break
    }
    node.extents = node.extents?.filter { $0.length > 0 }
    guard node.extents?.allSatisfy({ $0.length <= image.count && $0.place <= image.count - $0.length }) ?? true else {
      throw Damage()
    }
    return node
  }

  /// Calls `body` for each extent of each file.
  ///
  /// - Throws: ``Damage``.
  func forEachFile(_ body: (_ path: String, _ extent: FileLayout.Extent) throws -> Void) throws {
    try walk(try node(rootNode), "", 0, body)
  }

  private func walk(
    _ folder: Node, _ path: String, _ depth: Int, _ body: (String, FileLayout.Extent) throws -> Void
  ) throws {
    guard depth < Self.mostDepth else { throw Damage() }
    for extent in folder.extents ?? [] {
      // Names do not cross the end of a block.
      for block in stride(from: 0, to: extent.length, by: blockSize) {
        let range = extent.place + block..<extent.place + min(block + blockSize, extent.length)
        for (name, id, kind) in try entries(range) where name != "." && name != ".." {
          let place = path.isEmpty ? name : "\(path)/\(name)"
          switch kind {
          case 1: for extent in try node(id).extents ?? [] { try body(place, extent) }
          case 2: try walk(try node(id), place, depth + 1, body)
          default: break
          }
        }
      }
    }
  }

  /// The entries in a block of a folder (`struct erofs_dirent`): first all entries, then all names.
  private func entries(_ block: Range<Int>) throws -> [(name: String, id: UInt64, kind: UInt8)] {
    let length = 12
    let names = Int(try number(at: block.lowerBound + 8, UInt16.self))
    guard names >= length, names % length == 0, names <= block.count else { throw Damage() }
    return try stride(from: 0, to: names, by: length).map { offset in
      let entry = block.lowerBound + offset
      let start = Int(try number(at: entry + 8, UInt16.self))
      let end = offset + length < names ? Int(try number(at: entry + length + 8, UInt16.self)) : block.count
      guard names <= start, start <= end, end <= block.count else { throw Damage() }
      let bytes = image[block.lowerBound + start..<block.lowerBound + end].prefix { $0 != 0 }
      return (String(decoding: bytes, as: UTF8.self), try number(at: entry, UInt64.self), image[entry + 10])
    }
  }
}
