import Hashing

/// The ID of a public key: the SHA-256 of its SubjectPublicKeyInfo in DER.
public struct KeyID: Hashable, Sendable {
  /// Bytes of an ID.
  public static let length = Digest.length

  private let digest: Digest

  public var bytes: [UInt8] { digest.bytes }

  /// Computes the ID of a key.
  public init(of key: PublicKey) {
    digest = Digest(of: key.der)
  }

  /// Reads an ID from a record; `nil` unless it has ``length`` bytes.
  init?(_ bytes: some Collection<UInt8>) {
    guard let digest = Digest(bytes) else { return nil }
    self.digest = digest
  }
}

extension KeyID: Comparable {
  /// Compares byte by byte, beginning with the first one.
  public static func < (first: KeyID, second: KeyID) -> Bool { first.digest < second.digest }
}

extension KeyID: CustomStringConvertible {
  /// The ID as 64 lower-case hexadecimal digits.
  public var description: String { digest.text }

  /// The first 16 digits, for messages.
  public var short: String { String(description.prefix(16)) }
}
