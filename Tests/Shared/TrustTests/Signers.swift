import Crypto
import Foundation
import SwiftASN1
import Trust
import X509

/// A key holder in memory.
enum Holder {
  case ed25519(Curve25519.Signing.PrivateKey)
  case ecdsaP256(P256.Signing.PrivateKey)

  static func make(_ algorithm: PublicKey.Algorithm = .ed25519) -> Holder {
    algorithm == .ed25519 ? .ed25519(.init()) : .ecdsaP256(.init())
  }

  var publicKey: PublicKey {
    get throws {
      switch self {
      case .ed25519(let key):
        try PublicKey(
          der: [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]
            + key.publicKey.rawRepresentation)
      case .ecdsaP256(let key): try PublicKey(der: key.publicKey.derRepresentation)
      }
    }
  }

  var certified: Certificate.PrivateKey {
    switch self {
    case .ed25519(let key): Certificate.PrivateKey(key)
    case .ecdsaP256(let key): Certificate.PrivateKey(key)
    }
  }

  func signature(over input: SigningInput) throws -> Signature {
    switch self {
    case .ed25519(let key): try Signature(key.signature(for: input.bytes))
    case .ecdsaP256(let key): try Signature(key.signature(for: SHA256.hash(data: input.bytes)).rawRepresentation)
    }
  }

  func signs(_ input: SigningInput) throws -> Envelope.KeySignature {
    Envelope.KeySignature(key: try publicKey.id, signature: try signature(over: input))
  }
}

extension Envelope {
  /// Makes the envelope of several holders' signatures.
  init(_ input: SigningInput, by holders: [Holder]) throws {
    self = try Envelope(signatures: holders.map { try $0.signs(input) })
  }
}

extension SignedTrustRoot {
  /// Makes a root signed by holders.
  init(_ root: TrustRoot, by holders: [Holder]) throws {
    self = SignedTrustRoot(root, envelope: try Envelope(SigningInput(.trustRoot, message: root.bytes), by: holders))
  }
}

extension TrustRoot {
  /// Makes a root with the keys of holders.
  init(
    version: UInt32 = 1, _ holders: [Holder], threshold: Int = 1, rotationThreshold: Int? = nil, expires: Time? = nil,
    authorities: [[UInt8]] = [], certificateThreshold: Int? = nil
  ) throws {
    self = try TrustRoot(
      version: version, keys: holders.map { try $0.publicKey }, threshold: threshold,
      rotationThreshold: rotationThreshold, expires: expires, authorities: authorities,
      certificateThreshold: certificateThreshold)
  }
}

/// A certificate and its key.
struct Identity {
  var holder: Holder
  var certificate: Certificate

  var der: [UInt8] {
    get throws {
      var serializer = DER.Serializer()
      try serializer.serialize(certificate)
      return serializer.serializedBytes
    }
  }

  /// The properties of a certificate to issue.
  struct Wish {
    var name = "signer"
    var algorithm = PublicKey.Algorithm.ecdsaP256
    /// The basic constraints: for an authority, the number of authorities allowed below it.
    var authority: BasicConstraints? = .notCertificateAuthority
    var usage: KeyUsage? = KeyUsage(digitalSignature: true)
    var purposes: [ExtendedKeyUsage.Usage] = [.codeSigning]
    var from: Int64 = 1_000_000
    var until: Int64 = 2_000_000
    var extra: [Certificate.Extension] = []

    static func authority(_ name: String, mostBelow: Int? = nil) -> Wish {
      Wish(
        name: name, authority: .isCertificateAuthority(maxPathLength: mostBelow), usage: KeyUsage(keyCertSign: true),
        purposes: [])
    }
  }

  /// Issues a certificate. Without an issuer it is self-signed.
  init(_ wish: Wish, by issuer: Identity? = nil) throws {
    holder = .make(wish.algorithm)
    let name = try DistinguishedName { CommonName(wish.name) }
    var extensions: [Certificate.Extension] = wish.extra
    if let authority = wish.authority { extensions.append(try Certificate.Extension(authority, critical: true)) }
    if let usage = wish.usage { extensions.append(try Certificate.Extension(usage, critical: true)) }
    if !wish.purposes.isEmpty {
      extensions.append(try Certificate.Extension(ExtendedKeyUsage(wish.purposes), critical: false))
    }
    certificate = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: holder.certified.publicKey,
      notValidBefore: Date(timeIntervalSince1970: TimeInterval(wish.from)),
      notValidAfter: Date(timeIntervalSince1970: TimeInterval(wish.until)),
      issuer: issuer?.certificate.subject ?? name, subject: name,
      extensions: Certificate.Extensions(extensions), issuerPrivateKey: issuer?.holder.certified ?? holder.certified)
  }

  func signs(_ input: SigningInput, below intermediates: [Identity] = []) throws -> Envelope.CertificateSigner {
    Envelope.CertificateSigner(
      leaf: try der, intermediates: try intermediates.map { try $0.der }, signature: try holder.signature(over: input))
  }
}
