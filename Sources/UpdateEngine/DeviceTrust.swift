import Bundle
import DeviceModel
import Glibc
import LinuxSystem
import Trust

/// Whom the device believes: the image's root of trust, or a later one that it leads to by signatures.
///
/// The image is the anchor. The data partition, which programs of root and whoever has the disk in hand can write, holds the
/// chain of signed roots that bundles have brought, and is judged at each use as a bundle's is.
struct DeviceTrust {
  /// The root that the image brings.
  var imagePath: String
  /// The chain that is kept.
  var chainPath: String
  /// The latest time that is known to have passed.
  var time: Time
  /// Is told why a chain does not count.
  var note: (String) -> Void = { _ in }

  /// The roots of a moment.
  struct Roots {
    /// The image's.
    var image: TrustRoot
    /// The one that counts.
    var current: TrustRoot
    /// The chain that is kept; empty where it cannot be followed.
    var kept: TrustChain
  }

  /// Finds the root that counts: where the chain leads to from the image's root, or that one.
  ///
  /// - Throws: ``UpdateFailure/noTrust(_:)``.
  func roots() throws -> Roots {
    let image: TrustRoot
    do {
      image = try SignedTrustRoot(file: try FileTree.read(imagePath, limit: SignedTrustRoot.mostFileBytes + 1)).root
    } catch {
      throw UpdateFailure.noTrust("\(imagePath): \(error)")
    }
    let alone = Roots(image: image, current: image, kept: TrustChain())
    guard FileTree.exists(chainPath) else { return alone }
    do {
      let kept = try TrustChain(file: try FileTree.read(chainPath, limit: TrustChain.mostFileBytes + 1))
      // A release has brought a newer root than any bundle. The release before may still need the chain.
      guard let last = kept.lastVersion, last >= image.version else {
        return Roots(image: image, current: image, kept: kept)
      }
      return Roots(image: image, current: try image.followed(by: kept.roots), kept: kept)
    } catch {
      let problem = (error as? TrustFailure)?.problem ?? "\(error)"
      note(
        "the chain of roots of trust in \(chainPath) does not follow version \(image.version) of the root, which is the "
          + "image's, and does not count: \(problem)")
      return alone
    }
  }

  /// Judges a manifest's signatures, and keeps the roots that have led to them.
  ///
  /// - Throws: ``UpdateFailure``.
  func judge(_ manifest: [UInt8], _ signatures: BundleSignatures) throws {
    let roots = try roots()
    let brought: [SignedTrustRoot]
    let last: TrustRoot
    let chain: TrustChain
    do {
      guard !signatures.envelope.isEmpty else { throw UpdateFailure.notTrusted("it is not signed") }
      brought = try signatures.roots.map { try SignedTrustRoot(file: $0) }
      last = try roots.current.followed(by: brought)
      _ = try last.verify(
        try Envelope(bytes: signatures.envelope[...]), over: manifest, purpose: .bundleManifest, at: time)
      guard last.version > roots.current.version else { return }
      chain = roots.kept.extended(by: brought, from: roots.image.version)
      // As at the next start: what would not lead there again is not kept.
      guard try roots.image.followed(by: chain.roots) == last else {
        throw UpdateFailure.notTrusted("its roots do not lead from the image's root to version \(last.version)")
      }
    } catch let failure as TrustFailure {
      throw UpdateFailure.notTrusted("\(failure)")
    }
    let file = chain.file
    guard file.count <= TrustChain.mostFileBytes else {
      throw UpdateFailure.notTrusted(
        "its roots make a chain of \(file.count) bytes, and \(TrustChain.mostFileBytes) are kept")
    }
    // Whoever has followed a root does not go back behind it, whatever becomes of the update. A cut leaves the chain before or this one.
    try FileTree.replace(chainPath, with: file)
  }

  /// Removes a chain that ends before the image's root. Only the release in the other slot could need it: this is for when that is
  /// not to be started any more.
  func dropOlderChain() throws {
    let roots = try roots()
    if let last = roots.kept.lastVersion, last < roots.image.version { unlink(chainPath) }
  }
}
