/// The bytes of an image's frames in a bundle, read in order.
final class FrameBytes {
  private let part: String
  private let source: any BundleSource
  private var offset: UInt64
  private let end: UInt64
  private let note: (Int) -> Void

  /// - Parameter note: A function that receives the number of bytes of each read.
  init(
    of part: String, from source: any BundleSource, at offset: UInt64, end: UInt64, note: @escaping (Int) -> Void
  ) {
    (self.part, self.source, self.offset, self.end, self.note) = (part, source, offset, end, note)
  }

  /// Reads the next bytes.
  ///
  /// - Parameter run: Number of bytes from here on that are read without a gap; `nil` for all bytes up to the end.
  func take(_ count: Int, of run: Int? = nil) throws -> [UInt8] {
    guard count > 0 else { return [] }
    let bytes = try source.read(count, at: offset, upTo: run.map { offset + UInt64($0) } ?? end, part: part)
    offset += UInt64(count)
    note(count)
    return bytes
  }

  /// Skips bytes.
  func skip(_ count: Int) { offset += UInt64(count) }
}
