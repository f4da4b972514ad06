import TaggedFields

/// Whom a device believes: public keys, how many of them have to sign, until when, and perhaps certificate authorities.
///
/// A root has a version; the next one replaces it when enough keys of both have signed it (``followed(by:)``). `docs/trust.md` has the
/// bytes of its record.
public struct TrustRoot: Hashable, Sendable {
  /// Most keys of a root.
  public static let mostKeys = 32
  /// Most certificate authorities of a root.
  public static let mostAuthorities = 8
  /// Most bytes of a certificate.
  public static let mostCertificateBytes = 8 << 10
  /// Most roots that are followed at once.
  public static let mostSteps = 64
  /// Most bytes of a record.
  public static let mostBytes = 96 << 10

  /// 1 for the first, and one more for each that follows.
  public let version: UInt32
  /// The keys, ascending by id.
  public let keys: [PublicKey]
  /// How many of the keys have to sign a message, at least 1.
  public let threshold: Int
  /// How many of the keys have to sign the next root, at least ``threshold``. With more than for a message, the key that signs every day
  /// cannot make itself the only one when it is stolen.
  public let rotationThreshold: Int
  /// From when on the root verifies nothing but its successor; `nil` for never.
  public let expires: Time?
  /// Certificates of authorities in DER, ascending; with them, certificates are another way to sign messages, never roots.
  public let authorities: [[UInt8]]
  /// How many certificates have to sign where keys do not; 0 without ``authorities``.
  public let certificateThreshold: Int
  /// The record: what is signed, and what a file has.
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

  /// Makes a root.
  ///
  /// - Parameters:
  ///   - rotationThreshold: Left out: the threshold of messages.
  ///   - authorities: Certificates in DER.
  ///   - certificateThreshold: Left out: 1 where there are authorities.
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

  /// Reads a record. That it is well-formed says nothing of whether it can be trusted.
  ///
  /// - Throws: ``TrustFailure/malformed(_:)``, ``TrustFailure/notAKey(_:)``, ``TrustFailure/invalidRoot(_:)``.
  public init(bytes record: ArraySlice<UInt8>) throws(TrustFailure) {
    guard record.count <= Self.mostBytes else { throw .malformed("a root has at most \(Self.mostBytes) bytes") }
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
      throw .invalidRoot("it has a threshold of certificates, and no certificate authority")
    }
  }

  /// The key with an id, if it is one of the root's.
  public func key(_ id: KeyID) -> PublicKey? { keys.first { $0.id == id } }

  private static func fault(
    version: UInt32, keys: [PublicKey], thresholds: (message: Int, rotation: Int), authorities: [[UInt8]],
    certificateThreshold: Int
  ) -> String? {
    if version < 1 { return "versions begin with 1" }
    if !(1...mostKeys).contains(keys.count) { return "it has \(keys.count) keys, and may have 1 to \(mostKeys)" }
    let ids = keys.map(\.id)
    if !zip(ids, ids.dropFirst()).allSatisfy({ $0 < $1 }) { return "a key is there twice, or they are not in order" }
    if !(1...keys.count).contains(thresholds.message) {
      return "\(thresholds.message) of its \(keys.count) keys cannot be asked for"
    }
    if !(thresholds.message...keys.count).contains(thresholds.rotation) {
      return
        "the next root asks for \(thresholds.rotation) of \(keys.count) keys, and a message for \(thresholds.message); "
        + "the next root may not ask for less, nor for more than there are"
    }
    if authorities.count > mostAuthorities {
      return "it has \(authorities.count) certificate authorities, and may have \(mostAuthorities)"
    }
    if let long = authorities.first(where: { !(1...mostCertificateBytes).contains($0.count) }) {
      return "the certificate of an authority has \(long.count) bytes, and may have \(mostCertificateBytes)"
    }
    if !zip(authorities, authorities.dropFirst()).allSatisfy({ $0.lexicographicallyPrecedes($1) }) {
      return "a certificate authority is there twice, or they are not in order"
    }
    // More than the signers of one envelope could never be met.
    let possible = authorities.isEmpty ? 0...0 : 1...Envelope.mostSigners
    if !possible.contains(certificateThreshold) {
      return "\(certificateThreshold) signatures with certificates cannot be asked for"
    }
    return nil
  }
}
