import Bundle
import Hashing

/// Passes untrusted bytes to the decoders of bundles. A decoder must either accept or refuse them. It must not crash,
/// use memory beyond the format's limits, or write unsigned data.
public enum HostileBundle {
  /// The decoder for an input.
  public enum Decoder: UInt8, CaseIterable, Sendable {
    case head, manifest, signatures, table, segmentHead, difference, compressed, compressedWithPrefix
  }

  /// A wrong result of a decoder.
  public struct Fault: Error, Sendable {
    /// The reason.
    public var reason: String
  }

  /// Decodes an input: a byte that selects the decoder, and the bytes for it.
  ///
  /// - Throws: ``Fault`` for a wrong result. A refusal is not an error.
  public static func decode(_ input: [UInt8]) throws {
    guard let first = input.first,
      let decoder = Decoder(rawValue: first % UInt8(Decoder.allCases.count))
    else { return }
    let bytes = Array(input.dropFirst())
    do {
      switch decoder {
      case .head: _ = try BundleHead(from: Memory(bytes))
      case .manifest:
        let manifest = try BundleManifest(bytes)
        // A manifest must be encoded the same way again, except for fields of later versions.
        guard try BundleManifest(manifest.bytes) == manifest else {
          throw Fault(reason: "a manifest reads otherwise again")
        }
      case .signatures: _ = try BundleSignatures(bytes)
      case .table: try decodeTable(bytes)
      case .segmentHead: _ = try SegmentHead(bytes, ofSegment: 1, in: image(table: [], framesLength: 0))
      case .difference: try install(.difference(stored(rawFrame(bytes)), ranges), rawFrame(bytes))
      case .compressed:
        try refused { try install(.compressed(stored(bytes)), bytes) }
        try install(.compressedAfter(stored(bytes), blocks: 1), bytes, afterZeros: 1)
      case .compressedWithPrefix: try install(.compressedWithPrefix(stored(bytes), ranges), bytes)
      }
    } catch is BundleFailure {
      // Refused, as it should be.
    }
  }

  private static func refused(_ body: () throws -> Void) throws {
    do { try body() } catch is BundleFailure {}
  }

  private static let ranges = [BlockRange(start: 1, count: 2), BlockRange(start: 0, count: 1)]

  private static func stored(_ bytes: [UInt8]) -> Frame.Stored {
    Frame.Stored(length: bytes.count, digest: ShortDigest(of: bytes))
  }

  /// Decodes a table, preceded by the length of its frames, which the manifest would contain.
  private static func decodeTable(_ bytes: [UInt8]) throws {
    guard bytes.count > 3 else { return }
    let length = bytes.prefix(3).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    let image = image(table: Array(bytes.dropFirst(3)), framesLength: length)
    let table = try SegmentTable(Array(bytes.dropFirst(3)), of: image)
    guard table.reduce(0, { $0 + UInt64($1.storedLength) }) == length else {
      throw Fault(reason: "a table was taken whose frames have another length")
    }
  }

  /// Returns an image of three segments, the last one short, whose base is shorter.
  private static func image(table: [UInt8], framesLength: UInt64) -> BundleImage {
    BundleImage(
      name: "root", size: 2 * UInt64(BundleLimits.segment) + 10_000, content: Digest(of: [0]), tree: Digest(of: [0]),
      base: .init(size: 600_000, tree: Digest(of: [1])), tableLength: UInt32(table.count),
      tableDigest: Digest(of: table),
      framesLength: framesLength)
  }

  /// Returns a Zstandard frame of uncompressed content (RFC 8878, section 3.1.1).
  private static func rawFrame(_ content: [UInt8]) -> [UInt8] {
    let content = content.prefix(60_000)
    let size = [UInt8(content.count & 255), UInt8(content.count >> 8), 0, 0]
    let block = content.count << 3 | 1
    return [0x28, 0xb5, 0x2f, 0xfd, 0xa0] + size + [UInt8(block & 255), UInt8(block >> 8 & 255), UInt8(block >> 16)]
      + content
  }

  /// Installs an image of three blocks that come from one frame, except for some leading zeros.
  private static func install(_ operation: Frame.Operation, _ bytes: [UInt8], afterZeros zeros: Int = 0) throws {
    guard (1...3 * BundleLimits.block).contains(bytes.count) else { return }
    let digest = Digest(of: [2])
    let segment = Segment(
      number: 0, digest: digest,
      content: .frames(
        (zeros > 0 ? [Frame(blocks: zeros, operation: .zero)] : [])
          + [Frame(blocks: 3 - zeros, operation: operation)]))
    let table = SegmentTable.bytes(of: [segment])
    let base = Memory((0..<3 * BundleLimits.block).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) })
    let image = BundleImage(
      name: "root", size: 3 * UInt64(BundleLimits.block), content: digest, tree: digest,
      base: .init(size: base.size, tree: digest), tableLength: UInt32(table.count), tableDigest: Digest(of: table),
      framesLength: UInt64(bytes.count))
    let head = BundleHead(
      manifest: BundleManifest(product: "p", devices: ["d"], version: "1", created: 0, images: [image]).bytes,
      signatures: [])
    let target = Memory([UInt8](repeating: 0, count: 3 * BundleLimits.block))
    let source = Memory(head.bytes + table + bytes)
    defer { precondition(target.bytes.allSatisfy { $0 == 0 }, "something was written that nobody signed") }
    let checked = try CheckedBundle(
      SignedBundle(head) { _, _ in }, from: source, bases: ["root": base], trees: ["root": digest])
    try BundleInstaller(checked, targets: ["root": target]).run()
    throw Fault(reason: "what nobody signed was installed")
  }
}

/// A bundle or an image in memory.
private final class Memory: BundleSource, BlockStorage {
  var bytes: [UInt8]
  var size: UInt64 { UInt64(bytes.count) }

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func read(_ count: Int, at offset: UInt64, upTo end: UInt64, part: String) throws -> [UInt8] {
    guard offset <= size, UInt64(count) <= size - offset else { throw BundleFailure.truncated(part: part) }
    return Array(bytes[Int(offset)..<Int(offset) + count])
  }

  func read(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) {
    memory.copyBytes(from: bytes[Int(offset)..<Int(offset) + memory.count])
  }

  func write(_ new: [UInt8], at offset: UInt64) {
    bytes.replaceSubrange(Int(offset)..<Int(offset) + new.count, with: new)
  }

  func synchronise() {}

  func readBack(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
    read(into: memory, at: offset)
  }
}
