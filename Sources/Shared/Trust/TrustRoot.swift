import TaggedFields

/// The signers that a device trusts: public keys with thresholds, an expiry time, and optionally certificate
/// authorities.
///
/// A root has a version. The next version replaces it if enough keys of both have signed it (``followed(by:)``).
/// `docs/trust.md` specifies the record.
public struct TrustRoot: Hashable, Sendable {
  /// Maximum number of keys.
  public static let mostKeys = 32
  /// Maximum number of certificate authorities.
  public static let mostAuthorities = 8
  /// Maximum bytes of a certificate.
  public static let mostCertificateBytes = 8 << 10
  /// Maximum number of roots in a chain.
  public static let mostSteps = 64
  /// Maximum bytes of a record.
  public static let mostBytes = 96 << 10

  /// Version of the root: 1 for the first one, and one more for each successor.
  public let version: UInt32
  /// The keys, sorted by ID.
  public let keys: [PublicKey]
  /// Number of keys that must sign a message, at least 1.
  public let threshold: Int
  /// Number of keys that must sign the next root, at least ``threshold``. If it is higher than that, a stolen key for
  /// daily signing cannot replace the root on its own.
  public let rotationThreshold: Int
  /// Expiry time, after which the root verifies only its successor; `nil` for never.
  public let expires: Time?
  /// Certificates of authorities in DER, sorted. Certificates that they issue can sign messages, but not roots.
  public let authorities: [[UInt8]]
  /// Number of certificates that must sign if too few keys have signed; 0 without ``authorities``.
  public let certificateThreshold: Int
  /// The record: the signed bytes, also stored in files.
  public let bytes: [UInt8]

  private enum Tag {
    static let version: UInt16 = 1
    static let threshold: UInt16 = 2
    static let rotationThreshold: UInt16 = 3
    static let expires: UInt16 = 4
    static let key: UInt16 = 5
    static let certificateThreshold: UInt16 = 6
    static let authority: UInt16 = 7
  }

  /// - Parameters:
  ///   - rotationThreshold: Threshold for the next root; `nil` for `threshold`.
  ///   - authorities: Certificates in DER.
  ///   - certificateThreshold: Threshold for certificates; `nil` for 1 if there are authorities.
  /// - Throws: ``TrustFailure/invalidRoot(_:)``.
  public init(
    version: UInt32 = 1, keys: some Collection<PublicKey>, threshold: Int, rotationThreshold: Int? = nil,
    expires: Time? = nil, authorities: [[UInt8]] = [], certificateThreshold: Int? = nil
  ) throws(TrustFailure) {
    self.version = version
    self.keys = keys.sorted { $0.id < $1.id }
    self.threshold = threshold
    self.rotationThreshold = rotationThreshold ?? threshold
    self.expires = expires
    self.authorities = authorities.sorted { $0.lexicographicallyPrecedes($1) }
    self.certificateThreshold = certificateThreshold ?? (authorities.isEmpty ? 0 : 1)
    if let reason = Self.fault(
      version: version, keys: self.keys, thresholds: (threshold, self.rotationThreshold),
      authorities: self.authorities, certificateThreshold: self.certificateThreshold)
    {
      throw .invalidRoot(reason)
    }
    var writer = FieldWriter()
    writer.add(Tag.version, number: version)
    writer.add(Tag.threshold, number: UInt8(threshold))
    writer.add(Tag.rotationThreshold, number: UInt8(self.rotationThreshold))
    if let expires { writer.add(Tag.expires, number: expires.secondsSince1970) }
    for key in self.keys { writer.add(Tag.key, key.der) }
    if !authorities.isEmpty { writer.add(Tag.certificateThreshold, number: UInt8(self.certificateThreshold)) }
    for authority in self.authorities { writer.add(Tag.authority, authority) }
    bytes = writer.bytes
  }

  /// Parses a record. A well-formed record is not trusted yet.
  ///
  /// - Throws: ``TrustFailure/malformed(_:)``, ``TrustFailure/notAKey(_:)``, ``TrustFailure/invalidRoot(_:)``.
  public init(bytes record: ArraySlice<UInt8>) throws(TrustFailure) {
    guard record.count <= Self.mostBytes else { throw .malformed("a root may have at most \(Self.mostBytes) bytes") }
    let fields = try TrustFailure.reading { () throws(FieldFailure) in
      var reader = try FieldReader(record, of: "the root")
      let version: UInt32 = try reader.number(Tag.version, "version")
      let threshold: UInt8 = try reader.number(Tag.threshold, "threshold")
      let rotationThreshold: UInt8 = try reader.number(Tag.rotationThreshold, "threshold of rotation")
      let expires: Int64? = try reader.optionalNumber(Tag.expires, "expiry")
      let keys = try reader.values(Tag.key, "key", count: 1...Self.mostKeys, length: PublicKey.derLengths)
      let certificateThreshold: UInt8? = try reader.optionalNumber(
        Tag.certificateThreshold, "threshold of certificates")
      let authorities = try reader.values(
        Tag.authority, "certificate authority", count: 0...Self.mostAuthorities, length: 1...Self.mostCertificateBytes)
      try reader.finish()
      return (version, threshold, rotationThreshold, expires, keys, certificateThreshold, authorities)
    }
    var keys: [PublicKey] = []
    for key in fields.4 { keys.append(try PublicKey(der: key)) }
    version = fields.0
    self.keys = keys
    threshold = Int(fields.1)
    rotationThreshold = Int(fields.2)
    expires = fields.3.map { Time(secondsSince1970: $0) }
    authorities = fields.6.map(Array.init)
    certificateThreshold = Int(fields.5 ?? 0)
    bytes = Array(record)
    if let reason = Self.fault(
      version: version, keys: keys, thresholds: (threshold, rotationThreshold), authorities: authorities,
      certificateThreshold: certificateThreshold)
    {
      throw .invalidRoot(reason)
    }
    guard (fields.5 == nil) == authorities.isEmpty else {
      throw .invalidRoot("it has a threshold of certificates, but no certificate authority")
    }
  }

  /// The root's key with this ID; `nil` if there is none.
  public func key(_ id: KeyID) -> PublicKey? { keys.first { $0.id == id } }

  private static func fault(
    version: UInt32, keys: [PublicKey], thresholds: (message: Int, rotation: Int), authorities: [[UInt8]],
    certificateThreshold: Int
  ) -> String? {
    if version < 1 { return "versions begin with 1" }
    if !(1...mostKeys).contains(keys.count) { return "it has \(keys.count) keys; allowed: 1 to \(mostKeys)" }
    let ids = keys.map(\.id)
    if !zip(ids, ids.dropFirst()).allSatisfy({ $0 < $1 }) { return "a key occurs twice, or the keys are not in order" }
    if !(1...keys.count).contains(thresholds.message) {
      return "a message cannot require \(thresholds.message) of \(keys.count) keys"
    }
    if !(thresholds.message...keys.count).contains(thresholds.rotation) {
      return
        "the next root requires \(thresholds.rotation) of \(keys.count) keys, and a message \(thresholds.message); "
        + "the next root must not require fewer keys than a message, nor more than there are"
    }
    if authorities.count > mostAuthorities {
      return "it has \(authorities.count) certificate authorities; the limit is \(mostAuthorities)"
    }
    if let long = authorities.first(where: { !(1...mostCertificateBytes).contains($0.count) }) {
      return "the certificate of an authority has \(long.count) bytes; the limit is \(mostCertificateBytes)"
    }
    if !zip(authorities, authorities.dropFirst()).allSatisfy({ $0.lexicographicallyPrecedes($1) }) {
      return "a certificate authority occurs twice, or they are not in order"
    }
    // A higher threshold than the maximum number of signers could never be met.
    let possible = authorities.isEmpty ? 0...0 : 1...Envelope.mostSigners
    if !possible.contains(certificateThreshold) {
      return "a message cannot require \(certificateThreshold) signatures with certificates"
    }
    return nil
  }
}
