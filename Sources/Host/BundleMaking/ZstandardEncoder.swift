import CZstd

/// Makes Zstandard frames (RFC 8878). The same input gives the same frame.
final class ZstandardEncoder {
  private let context: OpaquePointer

  init() {
    guard let context = ZSTD_createCCtx() else { preconditionFailure("there is no memory for an encoder") }
    self.context = context
  }

  deinit { ZSTD_freeCCtx(context) }

  /// - Parameters:
  ///   - pieces: Content to compress. Each piece has its own statistics.
  ///   - prefix: Bytes that the frame may refer to, as if they came before it.
  ///   - level: Compression level from 1 (fast) to 22 (small).
  func encode(_ pieces: [[UInt8]], prefix: [UInt8] = [], level: Int32) -> [UInt8] {
    let count = pieces.reduce(0) { $0 + $1.count }
    var windowLog: Int32 = 10
    while 1 << windowLog < count + prefix.count { windowLog += 1 }
    set(ZSTD_c_compressionLevel, level)
    set(ZSTD_c_windowLog, windowLog)
    // The table of segments already contains this information.
    set(ZSTD_c_contentSizeFlag, 0)
    set(ZSTD_c_checksumFlag, 0)
    ZSTD_CCtx_setPledgedSrcSize(context, UInt64(count))
    var output = [UInt8](repeating: 0, count: ZSTD_compressBound(count) + pieces.count * 16)
    return prefix.withUnsafeBytes { prefix in
      if !prefix.isEmpty { check(ZSTD_CCtx_refPrefix(context, prefix.baseAddress, prefix.count)) }
      let length = output.withUnsafeMutableBytes { bytes in
        var target = ZSTD_outBuffer(dst: bytes.baseAddress, size: bytes.count, pos: 0)
        for (index, piece) in pieces.enumerated() {
          piece.withUnsafeBytes { piece in
            var input = ZSTD_inBuffer(src: piece.baseAddress, size: piece.count, pos: 0)
            let mode = index == pieces.count - 1 ? ZSTD_e_end : ZSTD_e_flush
            while check(ZSTD_compressStream2(context, &target, &input, mode)) != 0 {}
          }
        }
        return target.pos
      }
      check(ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters))
      output.removeLast(output.count - length)
      return output
    }
  }

  private func set(_ parameter: ZSTD_cParameter, _ value: Int32) {
    check(ZSTD_CCtx_setParameter(context, parameter, value))
  }

  @discardableResult private func check(_ result: Int) -> Int {
    guard ZSTD_isError(result) == 0 else {
      preconditionFailure("Zstandard: \(String(cString: ZSTD_getErrorName(result)))")
    }
    return result
  }
}
