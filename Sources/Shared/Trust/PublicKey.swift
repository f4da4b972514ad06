import Crypto
import SwiftASN1

/// A public key: Ed25519, or ECDSA on P-256 with SHA-256.
public struct PublicKey: Hashable, Sendable {
  public enum Algorithm: String, Hashable, Sendable, CaseIterable {
    /// Ed25519 (RFC 8032).
    case ed25519
    /// ECDSA on P-256 with SHA-256 (FIPS 186-5).
    case ecdsaP256 = "ecdsa-p256"

    /// The part of SubjectPublicKeyInfo before the key's bytes. It is the same for all keys of an algorithm, because
    /// their parameters and lengths are fixed and DER is canonical.
    fileprivate var prefix: [UInt8] {
      switch self {
      case .ed25519: [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]
      case .ecdsaP256:
        [
          0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
          0xce,
          0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ]
      }
    }

    /// Bytes of the key itself: 32 for Ed25519, or the uncompressed point of P-256.
    fileprivate var length: Int { self == .ed25519 ? 32 : 65 }
  }

  /// Maximum bytes of a PEM file.
  public static let mostPEMBytes = 16 << 10

  public let algorithm: Algorithm
  /// SubjectPublicKeyInfo in DER (RFC 5280 section 4.1.2.7; RFC 8410, RFC 5480).
  public let der: [UInt8]

  /// The range of lengths of a key in DER.
  static let derLengths = 44...91

  /// Parses a SubjectPublicKeyInfo.
  ///
  /// - Throws: ``TrustFailure/notAKey(_:)`` unless it is the canonical DER of an Ed25519 key or a P-256 key. A P-256
  ///   point must be uncompressed and on the curve.
  public init(der: some Collection<UInt8>) throws(TrustFailure) {
    guard Self.derLengths.contains(der.count) else {
      throw .notAKey("it has \(der.count) bytes in DER, which fits neither an Ed25519 nor a P-256 key")
    }
    let bytes = Array(der)
    guard
      let algorithm = Algorithm.allCases.first(where: {
        bytes.starts(with: $0.prefix) && bytes.count == $0.prefix.count + $0.length
      })
    else { throw .notAKey("it is neither an Ed25519 nor an uncompressed P-256 key in DER") }
    if algorithm == .ecdsaP256,
      (try? P256.Signing.PublicKey(x963Representation: bytes.dropFirst(algorithm.prefix.count))) == nil
    {
      throw .notAKey("its point is not on the curve P-256")
    }
    self.algorithm = algorithm
    self.der = bytes
  }

  /// Makes a key from the bytes after the algorithm's prefix.
  ///
  /// - Throws: ``TrustFailure/notAKey(_:)``.
  init(_ algorithm: Algorithm, point: some Collection<UInt8>) throws(TrustFailure) {
    try self.init(der: algorithm.prefix + point)
  }

  /// Parses a PEM file with one `PUBLIC KEY` (RFC 7468 section 13).
  ///
  /// - Throws: ``TrustFailure/notAKey(_:)``.
  public init(pem: some Collection<UInt8>) throws(TrustFailure) {
    guard pem.count <= Self.mostPEMBytes, let text = String(validating: pem, as: UTF8.self),
      let document = try? PEMDocument(pemString: text)
    else { throw .notAKey("it is not a single PEM document") }
    guard document.discriminator == "PUBLIC KEY" else {
      throw .notAKey("it is PEM, and says “\(Printable.text(document.discriminator))” instead of “PUBLIC KEY”")
    }
    try self.init(der: document.derBytes)
  }

  /// The key as a PEM file in OpenSSL's format.
  public var pem: String { PEMDocument(type: "PUBLIC KEY", derBytes: der).pemString + "\n" }

  public var id: KeyID { KeyID(of: self) }

  /// True if the signature over a statement is valid for this key.
  public func accepts(_ signature: Signature, over input: SigningInput) -> Bool {
    let point = der.dropFirst(algorithm.prefix.count)
    switch algorithm {
    case .ed25519:
      guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: point) else { return false }
      return key.isValidSignature(signature.bytes, for: input.bytes)
    case .ecdsaP256:
      guard let key = try? P256.Signing.PublicKey(x963Representation: point),
        let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature.bytes)
      else { return false }
      return key.isValidSignature(signature, for: SHA256.hash(data: input.bytes))
    }
  }
}
