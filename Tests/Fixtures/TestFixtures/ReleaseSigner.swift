import Bundle
import Crypto
import Trust

/// Signs bundles and roots of trust with a key in memory.
public struct ReleaseSigner: Sendable {
  private let key = Curve25519.Signing.PrivateKey()

  /// Makes a new key.
  public init() {}

  public var publicKey: PublicKey {
    get throws {
      // SubjectPublicKeyInfo of an Ed25519 key (RFC 8410, section 4).
      try PublicKey(
        der: [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00] + key.publicKey.rawRepresentation)
    }
  }

  /// Returns a root of trust that accepts only this signer.
  public func root(version: UInt32 = 1) throws -> TrustRoot {
    try TrustRoot(version: version, keys: [try publicKey], threshold: 1)
  }

  /// Returns the root of trust as a file, signed by this signer and others.
  public func rootFile(version: UInt32 = 1, besides others: [ReleaseSigner] = []) throws -> SignedTrustRoot {
    let root = try root(version: version)
    let unsigned = SignedTrustRoot(root, envelope: try Envelope())
    return SignedTrustRoot(root, envelope: try Self.envelope(unsigned.input, by: [self] + others))
  }

  /// Signs a bundle's manifest.
  ///
  /// - Parameter roots: The roots of trust in the bundle.
  public func signatures(over manifest: [UInt8], roots: [SignedTrustRoot] = []) throws -> BundleSignatures {
    BundleSignatures(
      roots: roots.map(\.file),
      envelope: try Self.envelope(SigningInput(.bundleManifest, message: manifest), by: [self]).bytes)
  }

  private static func envelope(_ input: SigningInput, by signers: [ReleaseSigner]) throws -> Envelope {
    try Envelope(
      signatures: signers.map { signer in
        .init(key: try signer.publicKey.id, signature: try Signature(signer.key.signature(for: input.bytes)))
      })
  }
}
