import Bundle
import DeviceModel
import LinuxSystem
import Trust

/// The device's root of trust: the one in the image, or a later one from a bundle, signed by its predecessor.
struct DeviceTrust {
  /// The path of the root in the image.
  var imagePath: String
  /// The path of the kept root.
  var keptPath: String
  /// The latest time that is known to have passed.
  var time: Time

  /// Returns the root in effect: of the two, the one with the higher version.
  ///
  /// - Throws: ``UpdateFailure/noTrust(_:)``.
  func root() throws -> TrustRoot {
    let own: TrustRoot
    do {
      own = try read(imagePath)
    } catch {
      throw UpdateFailure.noTrust("\(imagePath): \(error)")
    }
    // A damaged kept root counts as absent: bundles contain all roots from the image's on.
    guard let kept = try? read(keptPath), kept.version > own.version else { return own }
    return kept
  }

  private func read(_ path: String) throws -> TrustRoot {
    try SignedTrustRoot(file: try FileTree.read(path, limit: SignedTrustRoot.mostFileBytes + 1)).root
  }

  /// Verifies a manifest's signatures, and keeps the root that they have led to.
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
    // A device that has accepted a root does not go back to an earlier one, even if the update fails.
    if last.version > first.version, let file = chain.last(where: { $0.root == last })?.file {
      try FileTree.replace(keptPath, with: file)
    }
  }
}
