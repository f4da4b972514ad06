import Crypto
import FoundationEssentials
import SwiftASN1
import X509

/// A signer's certificate and the certificates above it, up to an authority of the root.
///
/// swift-certificates parses the certificates and checks their signatures. This type applies the relevant rules of RFC
/// 5280 section 6.1. The order of the chain is given, so no path search is needed and the work is bounded by the
/// length. These rules are stricter than the package's verifier, which does not check key usages, and they report the
/// reason as data.
struct CertificateChain {
  private let certificates: [Certificate]
  /// Name of the signer, safe for a terminal.
  let subject: String

  /// Parses the certificates.
  ///
  /// - Throws: ``TrustFailure/certificate(subject:_:)``.
  init(_ signer: Envelope.CertificateSigner) throws(TrustFailure) {
    var certificates: [Certificate] = []
    for (index, der) in ([signer.leaf] + signer.intermediates).enumerated() {
      guard let certificate = try? Certificate(derEncoded: der) else {
        let place = index == 0 ? "the signer" : "the signer's issuer \(index)"
        throw .certificate(subject: place, .unreadable)
      }
      certificates.append(certificate)
    }
    self.certificates = certificates
    subject = Self.name(certificates[0])
  }

  /// The signer's key, if its algorithm is supported.
  ///
  /// - Throws: ``TrustFailure/certificate(subject:_:)``.
  func key() throws(TrustFailure) -> PublicKey {
    if let key = Curve25519.Signing.PublicKey(certificates[0].publicKey) {
      return try PublicKey(.ed25519, point: key.rawRepresentation)
    }
    if let key = P256.Signing.PublicKey(certificates[0].publicKey) {
      return try PublicKey(.ecdsaP256, point: key.x963Representation)
    }
    throw .certificate(subject: subject, .unsupportedKey)
  }

  /// Checks the whole chain.
  ///
  /// - Returns: True if one of the authorities issued the last certificate.
  /// - Throws: ``TrustFailure/certificate(subject:_:)`` for an invalid certificate of the chain.
  func leads(to authorities: [Certificate], at time: Time) throws(TrustFailure) -> Bool {
    for (certificate, issuer) in zip(certificates, certificates.dropFirst()) {
      guard Self.hasIssued(issuer, certificate) else {
        throw .certificate(subject: Self.name(certificate), .notIssuedByNext)
      }
    }
    guard let last = certificates.last, let authority = authorities.first(where: { Self.hasIssued($0, last) }) else {
      return false
    }
    for (depth, certificate) in (certificates + [authority]).enumerated() {
      if let problem = Self.problem(of: certificate, depth: depth, chain: certificates, at: time) {
        throw .certificate(subject: Self.name(certificate), problem)
      }
    }
    return true
  }

  private static func hasIssued(_ issuer: Certificate, _ certificate: Certificate) -> Bool {
    issuer.subject == certificate.issuer && issuer.publicKey.isValidSignature(certificate.signature, for: certificate)
  }

  static func name(_ certificate: Certificate) -> String {
    let name = "\(certificate.subject)"
    return name.isEmpty ? "an unnamed subject" : "“\(Printable.text(name))”"
  }

  /// Finds the first problem of a certificate in the chain.
  ///
  /// - Parameter depth: Position in the chain, 0 for the signer's certificate.
  private static func problem(
    of certificate: Certificate, depth: Int, chain: [Certificate], at time: Time
  ) -> CertificateProblem? {
    let understood: [ASN1ObjectIdentifier] = [
      .X509ExtensionID.basicConstraints, .X509ExtensionID.keyUsage, .X509ExtensionID.extendedKeyUsage,
      // The verification uses no names, so this extension has no effect on it.
      .X509ExtensionID.subjectAlternativeName,
    ]
    for entry in certificate.extensions where entry.critical && !understood.contains(entry.oid) {
      return .unknownCriticalExtension("\(entry.oid)")
    }
    let start = moment(certificate.notValidBefore)
    let end = moment(certificate.notValidAfter)
    if time < start { return .notYetValid(start, at: time) }
    if time > end { return .expired(end, at: time) }
    // The signature of an authority's own certificate does not matter: the authority is trusted because it is in the
    // root.
    if certificate.signatureAlgorithm == .sha1WithRSAEncryption, depth < chain.count { return .weakSignature }
    let usage: KeyUsage?
    let purposes: ExtendedKeyUsage?
    let constraints: BasicConstraints?
    do {
      usage = try certificate.extensions.keyUsage
      purposes = try certificate.extensions.extendedKeyUsage
      constraints = try certificate.extensions.basicConstraints
    } catch {
      return .unreadable
    }
    if depth == 0 {
      guard let purposes, purposes.contains(.codeSigning) else { return .purposeMissing }
      if let usage, !usage.digitalSignature { return .keyUsage }
      return nil
    }
    // Version 1 certificates have no constraints, so each of them could issue others.
    guard case .isCertificateAuthority(let mostBelow) = constraints else { return .notAnAuthority }
    if let usage, !usage.keyCertSign { return .keyUsage }
    if let purposes, !purposes.contains(.codeSigning), !purposes.contains(.any) { return .purposeMissing }
    // Self-issued certificates do not count (RFC 5280 section 4.2.1.9).
    let below = chain[1..<depth].count { $0.issuer != $0.subject }
    if let mostBelow, below > mostBelow { return .pathTooLong }
    return nil
  }

  private static func moment(_ date: Date) -> Time { Time(secondsSince1970: Int64(date.timeIntervalSince1970)) }
}

extension TrustRoot {
  /// Names of ``authorities``, safe for a terminal.
  public var authorityNames: [String] {
    authorities.map { der in
      (try? Certificate(derEncoded: der)).map(CertificateChain.name) ?? "a certificate that cannot be read"
    }
  }

  /// Finds the subjects of the certificates that signed a statement, one for each key.
  ///
  /// - Throws: ``TrustFailure/tooFewCertificates(needed:signed:unknown:)``, ``TrustFailure/certificate(subject:_:)``.
  func certificateSigners(
    of envelope: Envelope, over input: SigningInput, at time: Time
  ) throws(TrustFailure) -> [String] {
    let authorities = authorities.compactMap { try? Certificate(derEncoded: $0) }
    var signed: [KeyID: String] = [:]
    var unknown: [String] = []
    var problem: TrustFailure?
    for signer in envelope.signers {
      do throws(TrustFailure) {
        let chain = try CertificateChain(signer)
        guard try chain.leads(to: authorities, at: time) else {
          unknown.append(chain.subject)
          continue
        }
        let key = try chain.key()
        guard key.accepts(signer.signature, over: input) else {
          throw .certificate(subject: chain.subject, .wrongSignature)
        }
        signed[key.id] = chain.subject
      } catch .certificate(let subject, .wrongSignature) {
        throw .certificate(subject: subject, .wrongSignature)
      } catch {
        // An expired certificate does not matter if enough others are valid.
        problem = problem ?? error
      }
    }
    if signed.count < certificateThreshold, let problem { throw problem }
    guard signed.count >= certificateThreshold else {
      throw .tooFewCertificates(needed: certificateThreshold, signed: signed.values.sorted(), unknown: unknown.sorted())
    }
    return signed.values.sorted()
  }
}
