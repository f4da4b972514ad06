import Bundle
import DeviceModel
import Glibc
import LinuxSystem
import Trust

/// The roots of trust of the device: the one in the image, or a later one to which signatures lead from it.
///
/// The image is the anchor. The data partition can be written by programs of root and by anyone with physical access to the disk. It
/// holds the chain of signed roots from bundles, which is verified at each use in the same way as that of a bundle.
struct DeviceTrust {
  /// The path of the root in the image.
  var imagePath: String
  /// The path of the kept chain.
  var chainPath: String
  /// The latest time that is known to have passed.
  var time: Time
  /// Receives the reason if a chain is ignored.
  var note: (String) -> Void = { _ in }

  /// The roots at one moment.
  struct Roots {
    /// The root of the image.
    var image: TrustRoot
    /// The root in effect.
    var current: TrustRoot
    /// The kept chain; empty if it cannot be followed.
    var kept: TrustChain
  }

  /// Finds the root in effect: the one to which the chain leads from the image's root, or the image's root.
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
      // A release contained a newer root than any bundle. The previous release may still need the chain.
      guard let last = kept.lastVersion, last >= image.version else {
        return Roots(image: image, current: image, kept: kept)
      }
      return Roots(image: image, current: try image.followed(by: kept.roots), kept: kept)
    } catch {
      let problem = (error as? TrustFailure)?.problem ?? "\(error)"
      note(
        "the chain of roots of trust in \(chainPath) is ignored, because it does not follow the image's root, version "
          + "\(image.version): \(problem)")
      return alone
    }
  }

  /// Verifies a manifest's signatures, and keeps the roots that led to them.
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
        "its roots make a chain of \(file.count) bytes; the limit is \(TrustChain.mostFileBytes) bytes")
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
