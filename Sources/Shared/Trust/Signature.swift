import Crypto

/// A signature as records have it: 64 bytes, for Ed25519 as RFC 8032 has them, for ECDSA the numbers r and s of 32 bytes each.
public struct Signature: Hashable, Sendable {
  /// Bytes of one.
  public static let length = 64

  /// The bytes.
  public let bytes: [UInt8]

  /// Takes the 64 bytes.
  ///
  /// - Throws: ``TrustFailure/malformed(_:)`` for another length.
  public init(_ bytes: some Collection<UInt8>) throws(TrustFailure) {
    guard bytes.count == Self.length else {
      throw .malformed("a signature has \(Self.length) bytes, not \(bytes.count)")
    }
    self.bytes = Array(bytes)
  }

  /// Takes an ECDSA signature as OpenSSL writes it: a sequence of two integers in DER (RFC 3279 section 2.2.3).
  ///
  /// - Throws: ``TrustFailure/malformed(_:)``.
  public init(ecdsaDER: some Collection<UInt8>) throws(TrustFailure) {
    // Two integers of at most 33 bytes, each with two bytes before it, and two bytes before both.
    guard ecdsaDER.count <= 72,
      let signature = try? P256.Signing.ECDSASignature(derRepresentation: Array(ecdsaDER))
    else { throw .malformed("this is no ECDSA signature of P-256 in DER") }
    try self.init(Array(signature.rawRepresentation))
  }

  /// Takes what a program that signs has written: raw bytes, or DER where the key is one of ECDSA.
  ///
  /// - Throws: ``TrustFailure/malformed(_:)``.
  public init(written bytes: some Collection<UInt8>, algorithm: PublicKey.Algorithm) throws(TrustFailure) {
    if algorithm == .ecdsaP256, bytes.count != Self.length {
      try self.init(ecdsaDER: bytes)
    } else if algorithm == .ecdsaP256, let signature = try? Signature(ecdsaDER: bytes) {
      // Very rarely r and s are so short that DER has just 64 bytes.
      self = signature
    } else {
      try self.init(bytes)
    }
  }
}
