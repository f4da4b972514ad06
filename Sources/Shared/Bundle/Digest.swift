import Crypto

/// A SHA-256 digest.
public struct Digest: Hashable, Sendable, CustomStringConvertible {
  /// Bytes of a digest.
  public static let length = 32

  /// The bytes. Not a SIMD vector: asynchronous functions do not align their variables enough for one.
  private var words = Words()

  private struct Words: Hashable, Sendable {
    var first: UInt64 = 0
    var second: UInt64 = 0
    var third: UInt64 = 0
    var fourth: UInt64 = 0
  }

  /// Makes a digest from its bytes.
  ///
  /// - Precondition: `bytes` has ``length`` elements.
  public init(_ bytes: some Collection<UInt8>) {
    precondition(bytes.count == Self.length, "a digest has \(Self.length) bytes")
    withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
  }

  /// Computes the digest of bytes.
  public init(of bytes: some Sequence<UInt8>) {
    var hash = SHA256()
    if bytes.withContiguousStorageIfAvailable({ hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }) == nil {
      hash.update(data: Array(bytes))
    }
    self.init(Array(hash.finalize()))
  }

  /// Computes the digest of memory.
  public init(of bytes: UnsafeRawBufferPointer) {
    var hash = SHA256()
    hash.update(bufferPointer: bytes)
    withUnsafeMutableBytes(of: &words) { target in hash.finalize().withUnsafeBytes { target.copyMemory(from: $0) } }
  }

  public var bytes: [UInt8] { withUnsafeBytes(of: words) { Array($0) } }

  /// Lower-case hexadecimal digits.
  public var description: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

/// The first 16 bytes of a SHA-256 digest. It is used in signed tables, where only the signer chooses the content, so
/// it need not resist collisions made by others.
public struct ShortDigest: Hashable, Sendable {
  /// Bytes of a short digest.
  public static let length = 16

  public let bytes: [UInt8]

  /// Computes the short digest of bytes.
  public init(of bytes: some Sequence<UInt8>) { self.bytes = Array(Digest(of: bytes).bytes.prefix(Self.length)) }

  init(_ bytes: some Collection<UInt8>) { self.bytes = Array(bytes) }
}
