import TaggedFields

/// Decodes frames into the content of segments.
final class FrameDecoder {
  private let image: BundleImage
  private let base: (any BlockStorage)?
  private let new: any BlockStorage
  private let zstandard = ZstandardDecoder()

  /// - Parameters:
  ///   - base: The old image.
  ///   - new: The new image, which already contains the earlier segments.
  init(_ image: BundleImage, base: (any BlockStorage)?, new: any BlockStorage) {
    self.image = image
    self.base = base
    self.new = new
  }

  /// Appends the output of a frame to the output of the frames before it.
  ///
  /// - Parameters:
  ///   - count: Number of bytes of output.
  ///   - stored: The frame's bytes in the bundle, which were checked against their digest.
  /// - Throws: ``BundleFailure/undecodable(image:segment:reason:)``, and errors of reading the images.
  func append(_ frame: Frame, segment: Int, count: Int, stored: [UInt8], to content: inout [UInt8]) throws {
    func failure(_ reason: String) -> BundleFailure {
      .undecodable(image: image.name, segment: segment, reason: reason)
    }
    func exact(_ output: [UInt8]?) throws -> [UInt8] {
      guard let output, output.count == count else { throw failure("it does not decompress to \(count) bytes") }
      return output
    }
    func decoded(after wanted: Int) throws -> [UInt8] {
      if content.count >= wanted {
        return try exact(zstandard.decode(stored, prefix: content.suffix(wanted), limit: count))
      }
      let missing = wanted - content.count
      let start = UInt64(segment) * UInt64(BundleLimits.segment)
      let before = try new.read(missing, at: start - UInt64(missing)) + content
      return try exact(zstandard.decode(stored, prefix: before[...], limit: count))
    }
    switch frame.operation {
    case .zero: content.append(zeros: count)
    case .copyOfBase(let start):
      guard let base else { throw BundleFailure.noBase(image: image.name) }
      try base.append(count, at: UInt64(start) * UInt64(BundleLimits.block), to: &content)
    case .copyOfNew(let start): try new.append(count, at: UInt64(start) * UInt64(BundleLimits.block), to: &content)
    case .stored: content += stored
    case .compressed: content += try exact(zstandard.decode(stored, limit: count))
    case .compressedWithPrefix(_, let ranges):
      // The stored bytes match their digest, so the blocks of the base must be wrong.
      guard let output = zstandard.decode(stored, prefix: try blocksOfBase(ranges)[...], limit: count),
        output.count == count
      else { throw BundleFailure.otherBase(image: image.name) }
      content += output
    case .difference(_, let ranges):
      guard let bytes = zstandard.decode(stored, limit: BinaryDifference.limit) else {
        throw failure("its difference cannot be decompressed")
      }
      let old = try blocksOfBase(ranges)
      do throws(FieldFailure) {
        let difference = try BinaryDifference(bytes)
        content += try difference.applied(to: old, count: count)
      } catch {
        throw failure("its difference cannot be applied: \(error)")
      }
    case .compressedAfter(_, let blocks): content += try decoded(after: blocks * BundleLimits.block)
    }
  }

  /// Reads ranges of the base and concatenates them.
  private func blocksOfBase(_ ranges: [BlockRange]) throws -> [UInt8] {
    guard let base else { throw BundleFailure.noBase(image: image.name) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(ranges.reduce(0) { $0 + $1.count } * BundleLimits.block)
    for range in ranges {
      try base.append(
        range.count * BundleLimits.block, at: UInt64(range.start) * UInt64(BundleLimits.block), to: &bytes)
    }
    return bytes
  }
}
