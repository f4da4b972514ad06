import CZstd

/// Decodes Zstandard frames (RFC 8878) into memory of a known size; what a frame says of its own size and window takes no memory.
final class ZstandardDecoder {
  private let context: OpaquePointer

  init() {
    guard let context = ZSTD_createDCtx() else { preconditionFailure("there is no memory for a decoder") }
    self.context = context
  }

  deinit { ZSTD_freeDCtx(context) }

  /// Decodes.
  ///
  /// - Parameters:
  ///   - prefix: What the frame may refer to, as if it stood before the output; empty for nothing.
  ///   - limit: Most bytes of output.
  /// - Returns: The output; `nil` where the input is not Zstandard, or gives more.
  func decode(_ input: [UInt8], prefix: ArraySlice<UInt8> = [], limit: Int) -> [UInt8]? {
    var isWhole = false
    // Memory that no output reaches is never touched.
    let output = [UInt8](unsafeUninitializedCapacity: limit) { output, count in
      prefix.withUnsafeBytes { prefix in
        // Holds for one frame, and is forgotten with it.
        if !prefix.isEmpty, ZSTD_isError(ZSTD_DCtx_refPrefix(context, prefix.baseAddress, prefix.count)) != 0 { return }
        input.withUnsafeBytes { input in
          let result = ZSTD_decompressDCtx(context, output.baseAddress, limit, input.baseAddress, input.count)
          if ZSTD_isError(result) == 0 { (count, isWhole) = (result, true) }
        }
      }
    }
    // A failed frame leaves its prefix behind.
    ZSTD_DCtx_reset(context, ZSTD_reset_session_only)
    return isWhole ? output : nil
  }
}
