import Crypto

/// The ID of a public key: the SHA-256 of its SubjectPublicKeyInfo in DER.
public struct KeyID: Hashable, Sendable {
  /// Bytes of an ID.
  public static let length = 32

  public let bytes: [UInt8]

  /// Computes the ID of a key.
  public init(of key: PublicKey) {
    bytes = Array(SHA256.hash(data: key.der))
  }

  /// Reads an ID from a record; `nil` unless it has ``length`` bytes.
  init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.length else { return nil }
    self.bytes = Array(bytes)
  }
}

extension KeyID: Comparable {
  /// Compares byte by byte, beginning with the first one.
  public static func < (first: KeyID, second: KeyID) -> Bool { first.bytes.lexicographicallyPrecedes(second.bytes) }
}

extension KeyID: CustomStringConvertible {
  /// The ID as 64 lower-case hexadecimal digits.
  public var description: String { Hexadecimal.text(bytes) }

  /// The first 16 digits, for messages.
  public var short: String { String(description.prefix(16)) }
}
