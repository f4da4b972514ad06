import Bundle
import DeviceModel
import LinuxSystem
import Trust

/// Whom the device believes: the image's root of trust, or a later one that bundles have brought, signed by the one before.
struct DeviceTrust {
  /// The root that the image brings.
  var imagePath: String
  /// The root that is kept.
  var keptPath: String
  /// The latest time that is known to have passed.
  var time: Time

  /// The root that counts: of the two the one with the higher version.
  ///
  /// - Throws: ``UpdateFailure/noTrust(_:)``.
  func root() throws -> TrustRoot {
    let own: TrustRoot
    do {
      own = try read(imagePath)
    } catch {
      throw UpdateFailure.noTrust("\(imagePath): \(error)")
    }
    // A kept root that is damaged is no worse than none: bundles bring the way from the image's.
    guard let kept = try? read(keptPath), kept.version > own.version else { return own }
    return kept
  }

  private func read(_ path: String) throws -> TrustRoot {
    try SignedTrustRoot(file: try FileTree.read(path, limit: SignedTrustRoot.mostFileBytes + 1)).root
  }

  /// Judges a manifest's signatures, and keeps the root that they have led to.
  ///
  /// - Throws: ``UpdateFailure``.
  func judge(_ manifest: [UInt8], _ signatures: BundleSignatures) throws {
    let first = try root()
    let chain: [SignedTrustRoot]
    let last: TrustRoot
    do {
      guard !signatures.envelope.isEmpty else { throw UpdateFailure.notTrusted("it is not signed") }
      chain = try signatures.roots.map { try SignedTrustRoot(file: $0) }
      last = try first.followed(by: chain)
      _ = try last.verify(
        try Envelope(bytes: signatures.envelope[...]), over: manifest, purpose: .bundleManifest, at: time)
    } catch let failure as TrustFailure {
      throw UpdateFailure.notTrusted("\(failure)")
    }
    // Whoever has followed a root does not go back behind it, whatever becomes of the update.
    if last.version > first.version, let file = chain.last(where: { $0.root == last })?.file {
      try FileTree.replace(keptPath, with: file)
    }
  }
}
