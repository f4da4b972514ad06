import BundleMaking
import HostSystem
import Project

/// What a build writes in addition to what the project asks for.
public struct ArtefactRequest: Sendable {
  /// Forms of the image.
  public var formats: [ArtefactFormat]
  /// Releases that devices have, for bundles that change these into the new one.
  public var oldReleases: OldReleases
  /// Most of these bundles.
  public var deltas: Int

  /// Asks for artefacts; by default for none.
  public init(formats: [ArtefactFormat] = [], oldReleases: OldReleases = OldReleases(), deltas: Int = 0) {
    self.formats = formats
    self.oldReleases = oldReleases
    self.deltas = deltas
  }

  /// True if nothing is asked for.
  var isEmpty: Bool { formats.isEmpty && deltas == 0 }

  /// All that decides what is written, in words.
  var identity: [String] {
    formats.map(\.rawValue).sorted() + ["\(deltas)"]
      + oldReleases.bundles.map { ContentHash(of: $0.head.manifest).text }.sorted()
  }
}
