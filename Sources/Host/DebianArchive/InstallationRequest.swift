import DebianPackages
import Hashing
import HostSystem
import Lock

/// The packages of a system, in stages that are installed one after the other.
public struct InstallationRequest: Sendable, Hashable {
  /// Code name of the Debian suite.
  public var suite: String
  /// Debian architecture.
  public var architecture: String
  public var stages: [Stage]
  /// Packages that must not be installed.
  public var excluded: [String]
  /// Archives in addition to Debian's.
  public var repositories: [RepositorySource]
  /// The system that is installed before the first stage; `nil` for none.
  public var base: InstalledBase?

  /// The installed system of a published image.
  public struct InstalledBase: Sendable, Hashable {
    /// SHA-256 of the image.
    public var image: Digest
    /// Text of the image's dpkg status file.
    public var status: String

    public init(image: Digest, status: String) {
      self.image = image
      self.status = status
    }
  }

  /// The packages of one stage.
  public struct Stage: Sendable, Hashable {
    /// True if the stage has all essential packages.
    public var hasEssential: Bool
    public var packages: [PackageWish]
    /// Packages of earlier stages to remove.
    public var removed: [String]

    public init(hasEssential: Bool = false, packages: [PackageWish] = [], removed: [String] = []) {
      self.hasEssential = hasEssential
      self.packages = packages
      self.removed = removed
    }

    /// The packages to install in APT's syntax.
    var wanted: [String] { (hasEssential ? ["?essential"] : []) + packages.map(\.text) }

    /// The packages to install and remove in APT's syntax.
    var arguments: [String] { wanted + removed.map { "\($0)-" } }
  }

  public init(
    suite: String, architecture: String, stages: [Stage], excluded: [String] = [],
    repositories: [RepositorySource] = [], base: InstalledBase? = nil
  ) {
    self.suite = suite
    self.architecture = architecture
    self.stages = stages
    self.excluded = excluded
    self.repositories = repositories
    self.base = base
  }

  /// Returns the packages of every image that has `dpkg`.
  ///
  /// - Parameter suite: Code name of the suite. In bookworm, a package still merges `/usr` at installation, unless
  ///   `usr-is-merged` is installed.
  public static func essential(suite: String) -> Stage {
    Stage(hasEssential: true, packages: suite == "bookworm" ? [PackageWish(name: "usr-is-merged")] : [])
  }

  /// The common beginning of the labels of all stages with this suite and architecture.
  var labelHead: String { "\(suite)/\(architecture) system" }

  /// Returns a stage's label in the lock file.
  ///
  /// It contains everything that the stage's packages depend on, so that images with the same first stages share them.
  public func label(of index: Int) -> String {
    let chain = stages[...index].map { $0.arguments.joined(separator: " ") }
    let ground = base.map { " upon \($0.image.text.prefix(16))" } ?? ""
    var label = "\(labelHead)\(ground): \(chain.joined(separator: " | "))"
    if !excluded.isEmpty { label += " without \(excluded.sorted().joined(separator: " "))" }
    if !repositories.isEmpty { label += " with \(repositories.map(\.label).joined(separator: ", "))" }
    return label
  }
}

/// An archive in addition to Debian's, as a source for APT.
public struct RepositorySource: Sendable, Hashable {
  public var repository: PackageRepository<String>
  /// Hash of the key that signs the archive.
  public var keyHash: Digest

  public init(_ repository: PackageRepository<String>, keyHash: Digest) {
    self.repository = repository
    self.keyHash = keyHash
  }

  /// The repository as a paragraph for APT.
  var paragraph: String { repository.paragraph(signedBy: repository.key.path) }

  /// A short description of the repository, a part of the stages' labels.
  var label: String {
    let pin = repository.pin.map {
      " at \($0.priority)\($0.packages.isEmpty ? "" : " for \($0.packages.joined(separator: " "))")"
    }
    let place = ([repository.url] + repository.suites + repository.components).joined(separator: " ")
    return "\(repository.name) (\(place) by \(keyHash.text.prefix(16))\(pin ?? ""))"
  }
}
