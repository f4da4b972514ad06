import BundleMaking
import Hashing
import HostSystem
import Project

/// The artefacts that a build writes in addition to those of the project.
public struct ArtefactRequest: Sendable {
  public var formats: [ArtefactFormat]
  /// Releases that devices may have. Delta bundles lead from these to the new release.
  public var oldReleases: OldReleases
  /// Maximum number of delta bundles.
  public var deltas: Int

  public init(formats: [ArtefactFormat] = [], oldReleases: OldReleases = OldReleases(), deltas: Int = 0) {
    self.formats = formats
    self.oldReleases = oldReleases
    self.deltas = deltas
  }

  var isEmpty: Bool { formats.isEmpty && deltas == 0 }

  /// Everything that decides which artefacts are written, as text.
  var identity: [String] {
    formats.map(\.rawValue).sorted() + ["\(deltas)"]
      + oldReleases.bundles.map { Digest(of: $0.head.manifest).text }.sorted()
  }
}
