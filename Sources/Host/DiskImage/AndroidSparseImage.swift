import HostSystem

/// Writes Android sparse images, the format of fastboot (AOSP, system/core/libsparse/sparse_format.h, version 1.0).
///
/// Used blocks become data chunks, or fill chunks if they contain only zeros. All other blocks become "don't care"
/// chunks.
enum AndroidSparseImage {
  private static let magic: UInt32 = 0xed26_ff3a
  private static let headerSize: UInt16 = 28
  private static let chunkHeaderSize: UInt16 = 12
  /// Maximum number of blocks in a data chunk: 64 MiB, which every reader can hold in memory.
  private static let dataLimit: Int64 = 16_384

  private enum Kind: UInt16 {
    case data = 0xCAC1
    case fill = 0xCAC2
    case dontCare = 0xCAC3
  }

  /// A chunk during writing.
  private struct Chunk {
    var kind: Kind
    var start: Int64
    var blocks: Int64 = 0
  }

  /// Writes a raw image, or a part of it, in this format.
  ///
  /// - Parameters:
  ///   - part: The bytes to write, at whole blocks; `nil` for the whole image.
  ///   - used: Blocks of the image that a device must have.
  /// - Throws: `FileFailure`.
  static func write(_ image: String, part: Range<Int64>? = nil, used: BlockRanges, to path: String) throws {
    let source = try ImageFile(reading: image)
    let block = BlockRanges.blockSize
    let part = part ?? 0..<source.size
    guard part.lowerBound % block == 0, part.upperBound % block == 0 else {
      throw FileFailure("write", path, reason: "it does not begin or end at a whole block")
    }
    let blocks = part.lowerBound / block..<part.upperBound / block
    var file = try NewFile(path)
    var chunks: UInt32 = 0
    var open: Chunk?

    func close(_ file: inout NewFile) throws(FileFailure) {
      guard let chunk = open else { return }
      if chunk.kind == .fill { try file.append(UInt32(0).littleBytes) }
      let size = UInt32(file.position - chunk.start)
      let header = chunk.kind.rawValue.littleBytes + UInt16(0).littleBytes
      try file.write(header + UInt32(chunk.blocks).littleBytes + size.littleBytes, at: chunk.start)
      chunks += 1
      open = nil
    }
    func extend(_ kind: Kind, by blocks: Int64, _ file: inout NewFile) throws(FileFailure) {
      if open?.kind != kind || (kind == .data && (open?.blocks ?? 0) >= dataLimit) {
        try close(&file)
        open = Chunk(kind: kind, start: file.position)
        file.skip(Int64(chunkHeaderSize))
      }
      open?.blocks += blocks
    }

    file.skip(Int64(headerSize))
    var end = blocks.lowerBound
    for range in used.ranges.map({ $0.clamped(to: blocks) }) where !range.isEmpty {
      if range.lowerBound > end { try extend(.dontCare, by: range.lowerBound - end, &file) }
      try source.forEachPiece(of: range.lowerBound * block..<range.upperBound * block) { piece, _ in
        for start in stride(from: 0, to: piece.count, by: Int(block)) {
          let content = piece[start..<start + Int(block)]
          let isZero = SparseFile.isZero(content)
          try extend(isZero ? .fill : .data, by: 1, &file)
          if !isZero { try file.append(UnsafeRawBufferPointer(rebasing: content)) }
        }
      }
      end = range.upperBound
    }
    if blocks.upperBound > end { try extend(.dontCare, by: blocks.upperBound - end, &file) }
    try close(&file)
    let header =
      magic.littleBytes + UInt16(1).littleBytes + UInt16(0).littleBytes + headerSize.littleBytes
      + chunkHeaderSize.littleBytes + UInt32(block).littleBytes + UInt32(blocks.count).littleBytes
      + chunks.littleBytes + UInt32(0).littleBytes
    try file.write(header, at: 0)
  }
}

extension FixedWidthInteger {
  /// The bytes in little-endian order.
  var littleBytes: [UInt8] { withUnsafeBytes(of: littleEndian) { Array($0) } }
  /// The bytes in big-endian order.
  var bigBytes: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }
}
