import TaggedFields

/// The signatures over a manifest, and the roots of trust that lead to their keys. This record is not signed itself:
/// each of its parts is verified by its own signatures.
public struct BundleSignatures: Equatable, Sendable {
  /// Roots of trust that follow the device's root, each signed by the one before it.
  public var roots: [[UInt8]]
  /// The signatures over the manifest.
  public var envelope: [UInt8]

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

  /// Parses the signatures from a bundle's head; no bytes give no signatures.
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
