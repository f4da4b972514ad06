import TaggedFields

/// An error of parsing or verifying signatures, keys or roots.
public enum TrustFailure: Error, Equatable, Sendable {
  /// The bytes are malformed.
  case malformed(String)
  /// A file or field does not contain a supported public key.
  case notAKey(String)
  /// The properties of a root are not valid.
  case invalidRoot(String)
  /// The root has expired and can verify only its successor.
  case rootExpired(version: UInt32, expired: Time, at: Time)
  /// Too few of the root's keys have signed. Each key is listed once.
  case tooFewSignatures(rootVersion: UInt32, needed: Int, signed: [KeyID], unknown: [KeyID])
  /// A signature by a known key is not valid for this message and purpose.
  case wrongSignature(KeyID)
  /// The offered root is older than the current one.
  case rollback(from: UInt32, to: UInt32)
  /// The offered root has the version of the current one but is different: two roots were signed with the same version.
  case fork(version: UInt32)
  /// The offered root skips versions.
  case jump(from: UInt32, to: UInt32)
  /// The chain has too many roots.
  case tooManyRoots(Int)
  /// Too few certificates have signed, although none of them has a problem. Signers whose authority is not in the root
  /// are listed as unknown.
  case tooFewCertificates(needed: Int, signed: [String], unknown: [String])
  /// The certificate of a signer, or one above it, has a problem.
  case certificate(subject: String, CertificateProblem)
}

/// A problem with a certificate or a signature by it.
public enum CertificateProblem: Equatable, Sendable {
  /// The certificate cannot be parsed.
  case unreadable
  /// The key is neither Ed25519 nor P-256.
  case unsupportedKey
  /// The certificate is signed with SHA-1.
  case weakSignature
  /// The certificate has expired.
  case expired(Time, at: Time)
  /// The certificate is not valid yet.
  case notYetValid(Time, at: Time)
  /// The extended key usages do not contain `codeSigning`.
  case purposeMissing
  /// The key usage does not allow this use.
  case keyUsage
  /// The certificate issued another one, but is not a certificate authority.
  case notAnAuthority
  /// The chain has more authorities below the certificate than it allows.
  case pathTooLong
  /// The certificate has an unsupported critical extension with this object identifier.
  case unknownCriticalExtension(String)
  /// The next certificate of the chain did not issue this one.
  case notIssuedByNext
  /// The signature is not valid for this message and purpose.
  case wrongSignature
}

extension TrustFailure {
  /// The problem in a sentence, without a full stop.
  public var problem: String {
    switch self {
    case .malformed(let reason): reason
    case .notAKey(let reason): "this is not a usable public key: \(reason)"
    case .invalidRoot(let reason): "the root is not valid: \(reason)"
    case .rootExpired(let version, let expired, let time):
      "version \(version) of the root expired at \(expired), and it is now \(time)"
    case .tooFewSignatures(let version, let needed, let signed, let unknown):
      "version \(version) of the root requires signatures by \(needed) of its keys; signed by: "
        + Self.list(signed, none: "none")
        + (unknown.isEmpty ? "" : "; unknown keys: \(Self.list(unknown, none: ""))")
    case .wrongSignature(let id): "the signature of key \(id.short) does not match this message"
    case .rollback(let from, let to): "version \(to) of the root is older than version \(from), which is in use"
    case .fork(let version): "this version \(version) of the root differs from the version \(version) in use"
    case .jump(let from, let to): "version \(to) of the root does not follow version \(from)"
    case .tooManyRoots(let count):
      "there are \(count) roots in a row; at most \(TrustRoot.mostSteps) are accepted"
    case .tooFewCertificates(let needed, let signed, let unknown):
      "the root requires \(needed) signatures with certificates of its authorities, and there are \(signed.count)"
        + (unknown.isEmpty
          ? "" : "; no authority of the root has issued the certificate of \(unknown.joined(separator: ", "))")
    case .certificate(let subject, let problem): "the certificate of \(subject) \(problem.words)"
    }
  }

  /// The possible remedy; `nil` if ``problem`` implies it.
  public var remedy: String? {
    switch self {
    case .malformed: "get the file again from its source; this copy may be cut off or changed"
    case .notAKey: "make one with `openssl pkey -pubout` from an Ed25519 or P-256 key"
    case .invalidRoot: nil
    case .rootExpired: "provide the next version of the root, signed by the keys of this one"
    case .tooFewSignatures: "have the same file signed with more of its keys"
    case .wrongSignature: "the signature is for another file or purpose, or the file has changed since; sign again"
    case .rollback: "use the newest version"
    case .fork: "find out who signed it: two roots of one version mean a mistake, or a stolen key"
    case .jump: "provide the versions between them, too"
    case .tooManyRoots: "provide fewer at a time"
    case .tooFewCertificates: "sign with a certificate that an authority of the root has issued"
    case .certificate(_, let problem): problem.remedy
    }
  }

  private static func list(_ ids: [KeyID], none: String) -> String {
    ids.isEmpty ? none : ids.map(\.short).joined(separator: ", ")
  }
}

extension CertificateProblem {
  fileprivate var words: String {
    switch self {
    case .unreadable: "cannot be read"
    case .unsupportedKey: "has a key that is neither Ed25519 nor P-256"
    case .weakSignature: "is signed with SHA-1"
    case .expired(let end, let time): "was valid until \(end), and it is now \(time)"
    case .notYetValid(let start, let time): "is valid from \(start), and it is now \(time)"
    case .purposeMissing: "is not for signing code"
    case .keyUsage: "has a key usage that does not allow this use"
    case .notAnAuthority: "has issued another certificate, but is not that of an authority"
    case .pathTooLong: "allows fewer authorities below it than there are"
    case .unknownCriticalExtension(let identifier):
      "has the critical extension \(identifier), which is not supported"
    case .notIssuedByNext: "was not issued by the next certificate of its chain"
    case .wrongSignature: "does not match the signature of this message"
    }
  }

  fileprivate var remedy: String? {
    switch self {
    case .unreadable, .notIssuedByNext:
      "the chain must begin with the signer's certificate; each next certificate must have issued the one before"
    case .unsupportedKey: "sign with a certificate of an Ed25519 or P-256 key; the authorities may have RSA keys"
    case .expired, .notYetValid: "sign with a valid certificate; if it is valid, set the clock"
    case .purposeMissing: "issue a certificate with the extended key usage codeSigning"
    case .wrongSignature: "the signature is for another file or purpose, or the file has changed since; sign again"
    case .weakSignature, .keyUsage, .notAnAuthority, .pathTooLong, .unknownCriticalExtension:
      "issue a certificate without this problem"
    }
  }
}

extension TrustFailure: CustomStringConvertible {
  /// Problem and remedy, for logs.
  public var description: String { remedy.map { "\(problem)\n  \($0)" } ?? problem }
}

extension TrustFailure {
  /// Converts failures of the field reader to ``malformed(_:)``.
  static func reading<Result>(_ work: () throws(FieldFailure) -> Result) throws(TrustFailure) -> Result {
    do { return try work() } catch { throw .malformed(error.description) }
  }
}
