import Crypto
import FoundationEssentials
import Glibc

/// A SHA-256 hash. Its text form is lower-case hexadecimal.
public struct ContentHash: Hashable, Sendable, Codable, CustomStringConvertible, Comparable {
  /// 64 lower-case hexadecimal digits.
  public let text: String

  /// Parses the text form; `nil` unless it is 64 hexadecimal digits.
  public init?(text: String) {
    let lowered = text.lowercased()
    guard lowered.utf8.count == 64, lowered.allSatisfy({ $0.isHexDigit }) else { return nil }
    self.text = lowered
  }

  fileprivate init(_ digest: SHA256.Digest) {
    let digits = Array("0123456789abcdef".utf8)
    text = String(
      decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// Computes the hash of bytes.
  public init(of bytes: some DataProtocol) {
    self.init(SHA256.hash(data: bytes))
  }

  /// Computes the hash of a text in UTF-8.
  public init(of text: String) {
    self.init(of: Array(text.utf8))
  }

  /// Computes the hash of a file's content.
  ///
  /// - Throws: ``FileFailure`` if the file cannot be read.
  public init(ofFile path: String) throws(FileFailure) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last("read", path) }
    defer { close(descriptor) }
    var hasher = SHA256()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = read(descriptor, buffer.baseAddress, buffer.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw .last("read", path)
      }
      if count == 0 { break }
      hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[0..<count]))
    }
    self.init(hasher.finalize())
  }

  /// The 32 bytes of the hash.
  public var bytes: [UInt8] {
    var result: [UInt8] = []
    var high: UInt8?
    for digit in text.utf8 {
      let value = digit < 0x3a ? digit - 0x30 : digit - 0x57
      if let first = high {
        result.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return result
  }

  public var description: String { text }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let hash = ContentHash(text: try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a SHA-256 hash")
    }
    self = hash
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }

  public static func < (left: ContentHash, right: ContentHash) -> Bool { left.text < right.text }
}

/// Computes the hash of content that arrives in pieces.
public struct ContentHasher: Sendable {
  private var hasher = SHA256()

  public init() {}

  public mutating func add(_ bytes: UnsafeRawBufferPointer) { hasher.update(bufferPointer: bytes) }

  public var hash: ContentHash { ContentHash(hasher.finalize()) }
}

/// Builds the key of a cached result from everything that the result depends on.
///
/// Fields are length-prefixed, so that no two lists of fields give the same bytes.
public struct CacheKey: Sendable {
  private var hasher = SHA256()

  /// - Parameter step: Name of the step and version of its code: `erofs-image 2`. A change in the step's results for
  ///   the same inputs needs a new version.
  public init(_ step: String) {
    add(step)
  }

  public mutating func add(_ field: String) {
    var field = field
    let length = field.utf8.count
    withUnsafeBytes(of: UInt64(length).littleEndian) { hasher.update(bufferPointer: $0) }
    field.withUTF8 { hasher.update(bufferPointer: UnsafeRawBufferPointer($0)) }
  }

  public mutating func add(_ fields: [String]) {
    add("list \(fields.count)")
    for field in fields { add(field) }
  }

  public mutating func add(_ hash: ContentHash) { add(hash.text) }

  public var hash: ContentHash { ContentHash(hasher.finalize()) }
}
