/// The bytes that a bundle has of an image, from front to back.
final class FrameBytes {
  private let part: String
  private let source: any BundleSource
  private var offset: UInt64
  private let end: UInt64
  private let note: (Int) -> Void

  /// Begins at the front.
  ///
  /// - Parameter note: Is told how many bytes are read.
  init(
    of part: String, from source: any BundleSource, at offset: UInt64, end: UInt64, note: @escaping (Int) -> Void
  ) {
    (self.part, self.source, self.offset, self.end, self.note) = (part, source, offset, end, note)
  }

  /// Gives the next bytes.
  ///
  /// - Parameter run: How many are wanted from here on without a gap; `nil` for all that there are.
  func take(_ count: Int, of run: Int? = nil) throws -> [UInt8] {
    guard count > 0 else { return [] }
    let bytes = try source.read(count, at: offset, upTo: run.map { offset + UInt64($0) } ?? end, part: part)
    offset += UInt64(count)
    note(count)
    return bytes
  }

  /// Passes over bytes.
  func skip(_ count: Int) { offset += UInt64(count) }
}
