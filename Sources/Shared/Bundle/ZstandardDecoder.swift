import CZstd

/// Decodes Zstandard frames (RFC 8878) into memory of a known size. The content size and window size in a frame do not
/// cause allocations.
final class ZstandardDecoder {
  private let context: OpaquePointer

  init() {
    guard let context = ZSTD_createDCtx() else { preconditionFailure("there is no memory for a decoder") }
    self.context = context
  }

  deinit { ZSTD_freeDCtx(context) }

  /// Decodes a frame.
  ///
  /// - Parameters:
  ///   - prefix: Bytes that the frame may refer to, as if they preceded the output; empty for none.
  ///   - limit: Maximum number of bytes of output.
  /// - Returns: The output; `nil` if the input is not Zstandard, or its output is longer than `limit`.
  func decode(_ input: [UInt8], prefix: ArraySlice<UInt8> = [], limit: Int) -> [UInt8]? {
    var isWhole = false
    // The kernel allocates only those pages of the buffer that receive output.
    let output = [UInt8](unsafeUninitializedCapacity: limit) { output, count in
      prefix.withUnsafeBytes { prefix in
        // The prefix applies to one frame only.
        if !prefix.isEmpty, ZSTD_isError(ZSTD_DCtx_refPrefix(context, prefix.baseAddress, prefix.count)) != 0 { return }
        input.withUnsafeBytes { input in
          let result = ZSTD_decompressDCtx(context, output.baseAddress, limit, input.baseAddress, input.count)
          if ZSTD_isError(result) == 0 { (count, isWhole) = (result, true) }
        }
      }
    }
    // A failed frame does not release its prefix.
    ZSTD_DCtx_reset(context, ZSTD_reset_session_only)
    return isWhole ? output : nil
  }
}
