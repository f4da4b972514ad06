import FoundationEssentials
import Hashing
import HostSystem
import LinuxSystem

/// A block map: the ranges of blocks of an image that have to be written, each with a checksum.
///
/// The format is version 2.0 of bmap-tools, which can read the result.
public struct BlockMap: Sendable, Equatable {
  /// A range of blocks.
  public struct Mapping: Sendable, Equatable {
    public var blocks: Range<Int64>
    /// SHA-256 of the bytes of the blocks.
    public var checksum: Digest
  }

  /// Size of the image in bytes.
  public var imageSize: Int64
  /// Size of a block in bytes.
  public var blockSize: Int64
  /// The ranges, in order.
  public var mappings: [Mapping]

  /// Number of blocks in all ranges.
  public var mappedBlocks: Int64 { mappings.reduce(0) { $0 + Int64($1.blocks.count) } }

  /// The bytes of a range. The last block of an image may be shorter than the others.
  public func bytes(of mapping: Mapping) -> Range<Int64> {
    mapping.blocks.lowerBound * blockSize..<min(mapping.blocks.upperBound * blockSize, imageSize)
  }

  /// Makes the map of an image.
  ///
  /// - Parameters:
  ///   - image: Path of the raw image.
  ///   - used: Blocks to write.
  /// - Throws: `FileFailure`.
  init(of image: String, used: BlockRanges) throws {
    let file = try ImageFile(reading: image)
    imageSize = file.size
    blockSize = BlockRanges.blockSize
    mappings = []
    for blocks in used.ranges {
      var hasher = DigestStream()
      let bytes = blocks.lowerBound * blockSize..<min(blocks.upperBound * blockSize, file.size)
      try file.forEachPiece(of: bytes) { piece, _ in hasher.add(UnsafeRawBufferPointer(piece)) }
      mappings.append(Mapping(blocks: blocks, checksum: hasher.digest))
    }
  }

  /// Makes a map for writing a complete image.
  ///
  /// - Throws: `FileFailure`.
  public init(wholeImage image: String) throws {
    try self.init(of: image, used: BlockRanges(bytes: [0..<FolderTree.fileSize(image)]))
  }

  // MARK: Text

  /// The content of the file, as XML.
  public var text: String {
    let text = text(checksum: String(repeating: "0", count: 64))
    // The file's checksum is computed with zeros in its place.
    return self.text(checksum: Digest(of: text).text)
  }

  private func text(checksum: String) -> String {
    var lines = [
      #"<?xml version="1.0" ?>"#,
      "<!-- Block map of a disk image: what is not listed need not be written. -->",
      #"<bmap version="2.0">"#,
      "  <ImageSize> \(imageSize) </ImageSize>",
      "  <BlockSize> \(blockSize) </BlockSize>",
      "  <BlocksCount> \((imageSize + blockSize - 1) / blockSize) </BlocksCount>",
      "  <MappedBlocksCount> \(mappedBlocks) </MappedBlocksCount>",
      "  <ChecksumType> sha256 </ChecksumType>",
      "  <BmapFileChecksum> \(checksum) </BmapFileChecksum>",
      "  <BlockMap>",
    ]
    lines += mappings.map { mapping in
      let (first, last) = (mapping.blocks.lowerBound, mapping.blocks.upperBound - 1)
      let range = first == last ? "\(first)" : "\(first)-\(last)"
      return "    <Range chksum=\"\(mapping.checksum)\"> \(range) </Range>"
    }
    return (lines + ["  </BlockMap>", "</bmap>", ""]).joined(separator: "\n")
  }

  /// Parses a map.
  ///
  /// - Parameters:
  ///   - text: Content of the file.
  ///   - path: Path of the file, for messages.
  /// - Throws: ``BlockMapFailure`` if the file is damaged, or not a map of version 2 with SHA-256 checksums.
  public init(text: String, path: String) throws(BlockMapFailure) {
    func refuse(_ reason: String) -> BlockMapFailure { BlockMapFailure(path: path, reason: reason) }
    func value(_ name: String) -> String? {
      guard let begin = text.firstRange(of: "<\(name)>"),
        let end = text[begin.upperBound...].firstRange(of: "</\(name)>")
      else { return nil }
      return text[begin.upperBound..<end.lowerBound].trimmed
    }
    guard text.contains(#/<bmap version="2\.[0-9]+"\s*>/#) else { throw refuse("it is not a block map of version 2") }
    guard value("ChecksumType") == "sha256" else { throw refuse("its checksums are not SHA-256") }
    guard let checksum = value("BmapFileChecksum"), checksum.utf8.count == 64 else {
      throw refuse("it has no checksum of its own")
    }
    let zeroed = text.replacing(checksum, with: String(repeating: "0", count: 64), maxReplacements: 1)
    guard Digest(of: zeroed).text == checksum.lowercased() else { throw refuse("its own checksum does not match") }
    guard let size = value("ImageSize").flatMap({ Int64($0) }), let block = value("BlockSize").flatMap({ Int64($0) }),
      let count = value("BlocksCount").flatMap({ Int64($0) }), size > 0, size < 1 << 50,
      (512...1 << 24).contains(block),
      count == (size + block - 1) / block
    else { throw refuse("its sizes contradict each other") }
    imageSize = size
    blockSize = block
    mappings = []
    var end: Int64 = 0
    for match in text.matches(
      of: #/<Range chksum="([0-9a-fA-F]{64})">\s*([0-9]{1,15})(?:\s*-\s*([0-9]{1,15}))?\s*</Range>/#)
    {
      guard let checksum = Digest(hexadecimal: String(match.1)), let first = Int64(match.2),
        let last = match.3.map({ Int64($0) }) ?? first, first >= end, last >= first, last < count
      else { throw refuse("its ranges are not in order, or are outside of the image") }
      mappings.append(Mapping(blocks: first..<last + 1, checksum: checksum))
      end = last + 1
    }
    guard value("MappedBlocksCount").flatMap({ Int64($0) }) == mappedBlocks else {
      throw refuse("its ranges have another number of blocks than it declares")
    }
  }
}

/// An error for a file that is not a usable block map.
public struct BlockMapFailure: ExplainedError {
  public var path: String
  public var reason: String

  public var problem: String { "cannot use the block map \(path): \(reason)" }
  public var remedy: String? { "build the image again, or remove the block map to write the image as a whole" }
}
