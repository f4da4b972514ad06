import TaggedFields

/// A root and the signatures over it: a `.root` file, and what a bundle brings of roots.
public struct SignedTrustRoot: Hashable, Sendable {
  /// What a file begins with.
  public static let fileMagic = Array("cultivar root 1\n".utf8)
  /// Most bytes of a file.
  public static let mostFileBytes = 512 << 10

  /// The root.
  public var root: TrustRoot
  /// Signatures over ``input``, by keys of this root and the one before.
  public var envelope: Envelope

  private enum Tag {
    static let root: UInt16 = 1
    static let envelope: UInt16 = 2
  }

  /// Puts both together; nothing is checked.
  public init(_ root: TrustRoot, envelope: Envelope) {
    self.root = root
    self.envelope = envelope
  }

  /// Reads a file.
  ///
  /// - Throws: ``TrustFailure`` as ``TrustRoot/init(bytes:)`` and ``Envelope/init(bytes:)`` do.
  public init(file: some Collection<UInt8>) throws(TrustFailure) {
    guard file.starts(with: Self.fileMagic) else { throw .malformed("this is no root file") }
    guard file.count <= Self.mostFileBytes else {
      throw .malformed("a root file has at most \(Self.mostFileBytes) bytes")
    }
    let fields = try TrustFailure.reading { () throws(FieldFailure) in
      var reader = try FieldReader(Array(file)[Self.fileMagic.count...], of: "the root file")
      let root = try reader.value(Tag.root, "root", length: 1...TrustRoot.mostBytes)
      let envelope = try reader.value(Tag.envelope, "signatures", length: 0...Envelope.mostBytes)
      try reader.finish()
      return (root, envelope)
    }
    root = try TrustRoot(bytes: fields.0)
    envelope = try Envelope(bytes: fields.1)
  }

  /// The file.
  public var file: [UInt8] {
    var writer = FieldWriter()
    writer.add(Tag.root, root.bytes)
    writer.add(Tag.envelope, envelope.bytes)
    return Self.fileMagic + writer.bytes
  }

  /// What the signatures are over.
  public var input: SigningInput { SigningInput(.trustRoot, message: root.bytes) }
}
