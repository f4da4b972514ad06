import Crypto

/// A signature in the form of records: 64 bytes. For Ed25519 they are as in RFC 8032, for ECDSA they are the numbers r
/// and s of 32 bytes each.
public struct Signature: Hashable, Sendable {
  /// Bytes of a signature.
  public static let length = 64

  public let bytes: [UInt8]

  /// - Throws: ``TrustFailure/malformed(_:)`` unless there are 64 bytes.
  public init(_ bytes: some Collection<UInt8>) throws(TrustFailure) {
    guard bytes.count == Self.length else {
      throw .malformed("a signature has \(Self.length) bytes, not \(bytes.count)")
    }
    self.bytes = Array(bytes)
  }

  /// Parses an ECDSA signature in OpenSSL's format: a sequence of two integers in DER (RFC 3279 section 2.2.3).
  ///
  /// - Throws: ``TrustFailure/malformed(_:)``.
  public init(ecdsaDER: some Collection<UInt8>) throws(TrustFailure) {
    // Two integers of at most 33 bytes, each with a header of two bytes, and another header for the sequence.
    guard ecdsaDER.count <= 72,
      let signature = try? P256.Signing.ECDSASignature(derRepresentation: Array(ecdsaDER))
    else { throw .malformed("this is not a P-256 ECDSA signature in DER") }
    try self.init(Array(signature.rawRepresentation))
  }

  /// Parses the output of a signing program: raw bytes, or DER for ECDSA keys.
  ///
  /// - Throws: ``TrustFailure/malformed(_:)``.
  public init(written bytes: some Collection<UInt8>, algorithm: PublicKey.Algorithm) throws(TrustFailure) {
    if algorithm == .ecdsaP256, bytes.count != Self.length {
      try self.init(ecdsaDER: bytes)
    } else if algorithm == .ecdsaP256, let signature = try? Signature(ecdsaDER: bytes) {
      // In rare cases r and s are so short that the DER form has exactly 64 bytes.
      self = signature
    } else {
      try self.init(bytes)
    }
  }
}
