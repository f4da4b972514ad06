import TaggedFields

/// What vouches for a manifest: signatures, and the roots of trust that lead to who made them. It is not signed itself, as each part of
/// it is worth what its own signatures are.
public struct BundleSignatures: Equatable, Sendable {
  /// Roots of trust after one that a device has, each signed by the one before it.
  public var roots: [[UInt8]]
  /// The signatures over the manifest.
  public var envelope: [UInt8]

  /// Puts signatures together.
  public init(roots: [[UInt8]] = [], envelope: [UInt8]) {
    self.roots = roots
    self.envelope = envelope
  }

  /// The bytes in a bundle's head.
  public var bytes: [UInt8] {
    var fields = FieldWriter()
    for root in roots { fields.add(1, root) }
    fields.add(2, envelope)
    return fields.bytes
  }

  /// Reads what stands in a bundle's head; of no bytes there are no signatures.
  ///
  /// - Throws: ``BundleFailure/malformed(part:reason:)``.
  public init(_ bytes: [UInt8]) throws(BundleFailure) {
    guard !bytes.isEmpty else {
      (roots, envelope) = ([], [])
      return
    }
    do throws(FieldFailure) {
      var fields = try FieldReader(bytes[...], of: "the record")
      roots = try fields.values(1, "root of trust", count: 0...64, length: 1...BundleLimits.signatures).map(Array.init)
      envelope = Array(try fields.value(2, "envelope", length: 0...BundleLimits.signatures))
      try fields.finish()
    } catch {
      throw .malformed("signatures", error)
    }
  }
}
