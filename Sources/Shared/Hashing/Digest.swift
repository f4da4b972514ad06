import Crypto
import Hexadecimal

/// A SHA-256 digest.
public struct Digest: Hashable, Sendable {
  /// Bytes of a digest.
  public static let length = 32

  /// The bytes. Not a SIMD vector: asynchronous functions do not align their variables enough for one.
  private var words = Words()

  private struct Words: Hashable, Sendable {
    var first: UInt64 = 0
    var second: UInt64 = 0
    var third: UInt64 = 0
    var fourth: UInt64 = 0

    /// Takes the same time for all values, because digests of tokens are compared.
    static func == (left: Words, right: Words) -> Bool {
      (left.first ^ right.first) | (left.second ^ right.second) | (left.third ^ right.third)
        | (left.fourth ^ right.fourth) == 0
    }
  }

  /// Makes a digest from its bytes; `nil` unless there are ``length``.
  public init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.length else { return nil }
    withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
  }

  /// Parses 64 hexadecimal digits in lower or upper case; `nil` for any other text.
  public init?(hexadecimal text: some StringProtocol) {
    guard let bytes = text.utf8.decodedHexadecimal else { return nil }
    self.init(bytes)
  }

  /// Parses the fingerprint of a certificate: 64 hexadecimal digits, with or without colons; `nil` for any other text.
  public init?(fingerprint text: some StringProtocol) {
    self.init(hexadecimal: String(text.filter { $0 != ":" }))
  }

  /// Computes the digest of bytes.
  public init(of bytes: some Sequence<UInt8>) {
    var stream = DigestStream()
    if bytes.withContiguousStorageIfAvailable({ stream.add(UnsafeRawBufferPointer($0)) }) == nil {
      Array(bytes).withUnsafeBytes { stream.add($0) }
    }
    self = stream.digest
  }

  /// Computes the digest of memory.
  public init(of bytes: UnsafeRawBufferPointer) {
    var stream = DigestStream()
    stream.add(bytes)
    self = stream.digest
  }

  /// Computes the digest of a text in UTF-8.
  public init(of text: String) {
    self.init(of: Array(text.utf8))
  }

  fileprivate init(_ digest: SHA256.Digest) {
    withUnsafeMutableBytes(of: &words) { target in digest.withUnsafeBytes { target.copyMemory(from: $0) } }
  }

  /// The ``length`` bytes.
  public var bytes: [UInt8] { withUnsafeBytes(of: words) { Array($0) } }

  /// 64 hexadecimal digits in lower case.
  public var text: String { bytes.hexadecimal }
}

extension Digest: CustomStringConvertible {
  public var description: String { text }
}

extension Digest: Comparable {
  /// Compares byte by byte, beginning with the first one.
  public static func < (left: Digest, right: Digest) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
}

/// The encoded form is a string of 64 hexadecimal digits.
extension Digest: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let digest = Digest(hexadecimal: try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "a SHA-256 digest must have 64 hexadecimal digits")
    }
    self = digest
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

/// Computes the digest of content that arrives in pieces.
public struct DigestStream: Sendable {
  private var hasher = SHA256()

  public init() {}

  /// Appends a piece.
  public mutating func add(_ bytes: UnsafeRawBufferPointer) { hasher.update(bufferPointer: bytes) }

  /// Appends a piece.
  public mutating func add(_ bytes: some Collection<UInt8>) {
    if bytes.withContiguousStorageIfAvailable({ add(UnsafeRawBufferPointer($0)) }) == nil {
      Array(bytes).withUnsafeBytes { add($0) }
    }
  }

  /// The digest of all pieces so far.
  public var digest: Digest { Digest(hasher.finalize()) }
}
