import TaggedFields

/// Signatures over one message, by keys and by certificates. The envelope does not identify the message.
public struct Envelope: Hashable, Sendable {
  /// A signature by a key of a root.
  public struct KeySignature: Hashable, Sendable {
    /// The ID of the key, as claimed.
    public var key: KeyID
    public var signature: Signature

    public init(key: KeyID, signature: Signature) {
      self.key = key
      self.signature = signature
    }
  }

  /// A signature by an X.509 certificate.
  public struct CertificateSigner: Hashable, Sendable {
    /// The signer's certificate, in DER.
    public var leaf: [UInt8]
    /// The certificates above the signer's, in DER: each one issued the certificate before it, and an authority of the
    /// root issued the last one.
    public var intermediates: [[UInt8]]
    public var signature: Signature

    public init(leaf: [UInt8], intermediates: [[UInt8]], signature: Signature) {
      self.leaf = leaf
      self.intermediates = intermediates
      self.signature = signature
    }
  }

  /// Maximum number of signatures by keys.
  public static let mostSignatures = 32
  /// Maximum number of signers with certificates.
  public static let mostSigners = 8
  /// Maximum number of certificates between a signer's certificate and an authority of the root.
  public static let mostIntermediates = 4
  /// Maximum bytes of a record.
  public static let mostBytes = 384 << 10
  /// The first bytes of a file with detached signatures.
  public static let fileMagic = Array("cultivar signatures 1\n".utf8)

  /// Signatures by keys.
  public private(set) var signatures: [KeySignature]
  /// Signatures by certificates.
  public private(set) var signers: [CertificateSigner]

  private enum Tag {
    static let signature: UInt16 = 1
    static let signer: UInt16 = 2
    static let leaf: UInt16 = 1
    static let intermediate: UInt16 = 2
    static let signerSignature: UInt16 = 3
  }

  /// - Throws: ``TrustFailure/malformed(_:)`` if there are too many signatures, or a certificate is too long.
  public init(signatures: [KeySignature] = [], signers: [CertificateSigner] = []) throws(TrustFailure) {
    guard signatures.count <= Self.mostSignatures, signers.count <= Self.mostSigners,
      signers.allSatisfy({ $0.intermediates.count <= Self.mostIntermediates })
    else {
      throw .malformed(
        "there may be at most \(Self.mostSignatures) signatures by keys and \(Self.mostSigners) with certificates, "
          + "each with \(Self.mostIntermediates) intermediate certificates")
    }
    guard
      signers.allSatisfy({ signer in
        ([signer.leaf] + signer.intermediates).allSatisfy { (1...TrustRoot.mostCertificateBytes).contains($0.count) }
      })
    else { throw .malformed("a certificate may have 1 to \(TrustRoot.mostCertificateBytes) bytes") }
    self.signatures = signatures
    self.signers = signers
  }

  /// Parses a record.
  ///
  /// - Throws: ``TrustFailure/malformed(_:)``.
  public init(bytes record: ArraySlice<UInt8>) throws(TrustFailure) {
    guard record.count <= Self.mostBytes else { throw .malformed("signatures have more than \(Self.mostBytes) bytes") }
    let fields = try TrustFailure.reading { () throws(FieldFailure) in
      let length = KeyID.length + Signature.length
      var reader = try FieldReader(record, of: "the signatures")
      let signatures = try reader.values(
        Tag.signature, "signature", count: 0...Self.mostSignatures, length: length...length)
      let signers = try reader.values(
        Tag.signer, "signer", count: 0...Self.mostSigners, length: 1...Self.mostBytes)
      try reader.finish()
      return (signatures, signers)
    }
    var signatures: [KeySignature] = []
    for value in fields.0 {
      guard let id = KeyID(value.prefix(KeyID.length)) else { throw .malformed("the id of a key is too short") }
      signatures.append(KeySignature(key: id, signature: try Signature(value.dropFirst(KeyID.length))))
    }
    var signers: [CertificateSigner] = []
    for value in fields.1 { signers.append(try Self.signer(value)) }
    try self.init(signatures: signatures, signers: signers)
  }

  private static func signer(_ record: ArraySlice<UInt8>) throws(TrustFailure) -> CertificateSigner {
    let fields = try TrustFailure.reading { () throws(FieldFailure) in
      let certificate = 1...TrustRoot.mostCertificateBytes
      var reader = try FieldReader(record, of: "a signer")
      let leaf = try reader.value(Tag.leaf, "certificate", length: certificate)
      let intermediates = try reader.values(
        Tag.intermediate, "intermediate certificate", count: 0...mostIntermediates, length: certificate)
      let signature = try reader.value(
        Tag.signerSignature, "signature", length: Signature.length...Signature.length)
      try reader.finish()
      return (leaf, intermediates, signature)
    }
    return CertificateSigner(
      leaf: Array(fields.0), intermediates: fields.1.map(Array.init), signature: try Signature(fields.2))
  }

  public var bytes: [UInt8] {
    var writer = FieldWriter()
    for signature in signatures { writer.add(Tag.signature, signature.key.bytes + signature.signature.bytes) }
    for signer in signers {
      var record = FieldWriter()
      record.add(Tag.leaf, signer.leaf)
      for certificate in signer.intermediates { record.add(Tag.intermediate, certificate) }
      record.add(Tag.signerSignature, signer.signature.bytes)
      writer.add(Tag.signer, record.bytes)
    }
    return writer.bytes
  }

  /// Combines two envelopes. If both contain a signature by the same key or signer's certificate, that of `other` is
  /// kept.
  ///
  /// - Throws: ``TrustFailure/malformed(_:)`` if there are too many signatures.
  public func adding(_ other: Envelope) throws(TrustFailure) -> Envelope {
    let keys = Set(other.signatures.map(\.key))
    let leaves = Set(other.signers.map(\.leaf))
    return try Envelope(
      signatures: (signatures.filter { !keys.contains($0.key) } + other.signatures).sorted { $0.key < $1.key },
      signers: signers.filter { !leaves.contains($0.leaf) } + other.signers)
  }
}

extension Envelope {
  /// Parses a file with detached signatures, as signing on another machine produces it.
  ///
  /// - Throws: ``TrustFailure/malformed(_:)``.
  public init(file: some Collection<UInt8>) throws(TrustFailure) {
    guard file.starts(with: Self.fileMagic) else { throw .malformed("this is not a file with signatures") }
    guard file.count <= Self.mostBytes + Self.fileMagic.count else {
      throw .malformed("signatures have more than \(Self.mostBytes) bytes")
    }
    try self.init(bytes: Array(file)[Self.fileMagic.count...])
  }

  /// The content of a file with these detached signatures.
  public var file: [UInt8] { Self.fileMagic + bytes }
}
