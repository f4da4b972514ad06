import TaggedFields

/// The signed roots that lead from the root of an image to a later one, as a device keeps them.
///
/// The bytes are as untrusted as those of an update: ``TrustRoot/followed(by:)`` verifies both.
public struct TrustChain: Hashable, Sendable {
  /// The first bytes of a file.
  public static let fileMagic = Array("cultivar chain 1\n".utf8)
  /// Maximum size of a file in bytes.
  public static let mostFileBytes = 4 << 20

  /// The roots, with ascending versions in a valid chain; at most ``TrustRoot/mostSteps``.
  public var roots: [SignedTrustRoot]

  private static let rootTag: UInt16 = 1

  /// Makes a chain without checking it.
  public init(_ roots: [SignedTrustRoot] = []) {
    self.roots = roots
  }

  /// Reads a file.
  ///
  /// - Throws: ``TrustFailure`` as ``SignedTrustRoot/init(file:)`` does.
  public init(file: some Collection<UInt8>) throws(TrustFailure) {
    guard file.starts(with: Self.fileMagic) else { throw .malformed("this is not a file with a chain of roots") }
    guard file.count <= Self.mostFileBytes else {
      throw .malformed("a chain of roots may have at most \(Self.mostFileBytes) bytes")
    }
    let files = try TrustFailure.reading { () throws(FieldFailure) in
      var reader = try FieldReader(Array(file)[Self.fileMagic.count...], of: "the chain of roots")
      let files = try reader.values(
        Self.rootTag, "root of trust", count: 0...TrustRoot.mostSteps, length: 1...SignedTrustRoot.mostFileBytes)
      try reader.finish()
      return files
    }
    roots = []
    for file in files { roots.append(try SignedTrustRoot(file: file)) }
  }

  /// The file.
  public var file: [UInt8] {
    var writer = FieldWriter()
    for root in roots { writer.add(Self.rootTag, root.file) }
    return Self.fileMagic + writer.bytes
  }

  /// Version of the last root; `nil` if there is none.
  public var lastVersion: UInt32? { roots.last?.root.version }

  /// Returns this chain with the roots of another one that extend it.
  ///
  /// - Parameter version: Version of the root to which an empty chain leads.
  public func extended(by other: [SignedTrustRoot], from version: UInt32) -> TrustChain {
    let last = max(lastVersion ?? version, version)
    return TrustChain((roots + other.filter { $0.root.version > last }).suffix(TrustRoot.mostSteps))
  }
}
