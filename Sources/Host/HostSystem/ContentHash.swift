import Crypto
import FoundationEssentials
import Glibc

/// A SHA-256 hash, in lower-case hexadecimal where it is text.
public struct ContentHash: Hashable, Sendable, Codable, CustomStringConvertible, Comparable {
  /// 64 lower-case hexadecimal digits.
  public let text: String

  /// Takes the text form; `nil` where it is not 64 hexadecimal digits.
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

  /// The hash of bytes.
  public init(of bytes: some DataProtocol) {
    self.init(SHA256.hash(data: bytes))
  }

  /// The hash of text in UTF-8.
  public init(of text: String) {
    self.init(of: Array(text.utf8))
  }

  /// The hash of a file's content.
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

  /// The first bytes of the hash, for ids that are derived from content.
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

  /// The text form.
  public var description: String { text }

  /// Reads the text form.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let hash = ContentHash(text: try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a SHA-256 hash")
    }
    self = hash
  }

  /// Writes the text form.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }

  /// The order of the text forms.
  public static func < (left: ContentHash, right: ContentHash) -> Bool { left.text < right.text }
}

/// Hashes content that comes in pieces.
public struct ContentHasher: Sendable {
  private var hasher = SHA256()

  /// Starts with nothing.
  public init() {}

  /// Adds the next piece.
  public mutating func add(_ bytes: UnsafeRawBufferPointer) { hasher.update(bufferPointer: bytes) }

  /// The hash of all pieces.
  public var hash: ContentHash { ContentHash(hasher.finalize()) }
}

/// Builds the key of a cached result from all that the result depends on.
///
/// Fields are length-prefixed, so that no two lists of fields give the same bytes.
public struct CacheKey: Sendable {
  private var hasher = SHA256()

  /// Starts a key.
  ///
  /// - Parameter step: The step and the version of its code: `erofs-image 2`. A change of what the step does to the
  ///   same inputs needs another number.
  public init(_ step: String) {
    add(step)
  }

  /// Adds one field.
  public mutating func add(_ field: String) {
    var field = field
    let length = field.utf8.count
    withUnsafeBytes(of: UInt64(length).littleEndian) { hasher.update(bufferPointer: $0) }
    field.withUTF8 { hasher.update(bufferPointer: UnsafeRawBufferPointer($0)) }
  }

  /// Adds a list of fields, with its length.
  public mutating func add(_ fields: [String]) {
    add("list \(fields.count)")
    for field in fields { add(field) }
  }

  /// Adds a hash.
  public mutating func add(_ hash: ContentHash) { add(hash.text) }

  /// The key.
  public var hash: ContentHash { ContentHash(hasher.finalize()) }
}
