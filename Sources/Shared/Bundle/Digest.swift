import Crypto

/// A SHA-256 digest.
public struct Digest: Hashable, Sendable, CustomStringConvertible {
  /// Bytes of a digest.
  public static let length = 32

  /// The bytes. No vector: its alignment would be more than asynchronous functions give their variables.
  private var words = Words()

  private struct Words: Hashable, Sendable {
    var first: UInt64 = 0
    var second: UInt64 = 0
    var third: UInt64 = 0
    var fourth: UInt64 = 0
  }

  /// Takes a digest's bytes.
  ///
  /// - Precondition: There are ``length`` of them.
  public init(_ bytes: some Collection<UInt8>) {
    precondition(bytes.count == Self.length, "a digest has \(Self.length) bytes")
    withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
  }

  /// The digest of bytes.
  public init(of bytes: some Sequence<UInt8>) {
    var hash = SHA256()
    if bytes.withContiguousStorageIfAvailable({ hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }) == nil {
      hash.update(data: Array(bytes))
    }
    self.init(Array(hash.finalize()))
  }

  /// The digest of memory.
  public init(of bytes: UnsafeRawBufferPointer) {
    var hash = SHA256()
    hash.update(bufferPointer: bytes)
    withUnsafeMutableBytes(of: &words) { target in hash.finalize().withUnsafeBytes { target.copyMemory(from: $0) } }
  }

  /// The digest's bytes.
  public var bytes: [UInt8] { withUnsafeBytes(of: words) { Array($0) } }

  /// Lower-case hexadecimal digits.
  public var description: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

/// The first 16 bytes of a SHA-256 digest: it stands in a signed table, so that nobody but the signer can choose what has it.
public struct ShortDigest: Hashable, Sendable {
  /// Bytes of a short digest.
  public static let length = 16

  /// The bytes.
  public let bytes: [UInt8]

  /// The short digest of bytes.
  public init(of bytes: some Sequence<UInt8>) { self.bytes = Array(Digest(of: bytes).bytes.prefix(Self.length)) }

  init(_ bytes: some Collection<UInt8>) { self.bytes = Array(bytes) }
}
