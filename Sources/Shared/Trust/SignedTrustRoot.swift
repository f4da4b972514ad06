import TaggedFields

/// A root with the signatures over it, as in `.root` files and bundles.
public struct SignedTrustRoot: Hashable, Sendable {
  /// The first bytes of a file.
  public static let fileMagic = Array("cultivar root 1\n".utf8)
  /// Maximum bytes of a file.
  public static let mostFileBytes = 512 << 10

  public var root: TrustRoot
  /// Signatures over ``input`` by keys of this root and the previous one.
  public var envelope: Envelope

  private enum Tag {
    static let root: UInt16 = 1
    static let envelope: UInt16 = 2
  }

  public init(_ root: TrustRoot, envelope: Envelope) {
    self.root = root
    self.envelope = envelope
  }

  /// Parses a file.
  ///
  /// - Throws: ``TrustFailure``, as in ``TrustRoot/init(bytes:)`` and ``Envelope/init(bytes:)``.
  public init(file: some Collection<UInt8>) throws(TrustFailure) {
    guard file.starts(with: Self.fileMagic) else { throw .malformed("this is not a root file") }
    guard file.count <= Self.mostFileBytes else {
      throw .malformed("a root file may have at most \(Self.mostFileBytes) bytes")
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

  /// The content of a `.root` file.
  public var file: [UInt8] {
    var writer = FieldWriter()
    writer.add(Tag.root, root.bytes)
    writer.add(Tag.envelope, envelope.bytes)
    return Self.fileMagic + writer.bytes
  }

  /// The statement that is signed.
  public var input: SigningInput { SigningInput(.trustRoot, message: root.bytes) }
}
