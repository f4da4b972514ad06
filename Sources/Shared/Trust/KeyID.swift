import Crypto

/// What a public key is called by: the SHA-256 of its SubjectPublicKeyInfo in DER.
public struct KeyID: Hashable, Sendable {
  /// Bytes of one.
  public static let length = 32

  /// The hash.
  public let bytes: [UInt8]

  /// The id of a key.
  public init(of key: PublicKey) {
    bytes = Array(SHA256.hash(data: key.der))
  }

  /// Takes an id from a record; `nil` unless it has ``length`` bytes.
  init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.length else { return nil }
    self.bytes = Array(bytes)
  }
}

extension KeyID: Comparable {
  /// Byte by byte, the first one counts most.
  public static func < (first: KeyID, second: KeyID) -> Bool { first.bytes.lexicographicallyPrecedes(second.bytes) }
}

extension KeyID: CustomStringConvertible {
  /// 64 lower-case hexadecimal digits.
  public var description: String { Hexadecimal.text(bytes) }

  /// The first 16 digits, for messages that name several.
  public var short: String { String(description.prefix(16)) }
}
