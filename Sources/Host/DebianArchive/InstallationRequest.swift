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
    public var image: ContentHash
    /// Text of the image's dpkg status file.
    public var status: String

    public init(image: ContentHash, status: String) {
      self.image = image
      self.status = status
    }
  }

  /// The packages of one stage.
  public struct Stage: Sendable, Hashable {
    /// Packages in APT's syntax: `NAME`, `NAME=VERSION`, `?essential`.
    public var packages: [String]
    /// Packages of earlier stages to remove.
    public var removed: [String]

    public init(packages: [String], removed: [String] = []) {
      self.packages = packages
      self.removed = removed
    }
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
    Stage(packages: ["?essential"] + (suite == "bookworm" ? ["usr-is-merged"] : []))
  }

  /// The common beginning of the labels of all stages with this suite and architecture.
  var labelHead: String { "\(suite)/\(architecture) system" }

  /// Returns a stage's label in the lock file.
  ///
  /// It contains everything that the stage's packages depend on, so that images with the same first stages share them.
  public func label(of index: Int) -> String {
    let chain = stages[...index].map { stage in
      (stage.packages + stage.removed.map { "\($0)-" }).joined(separator: " ")
    }
    let ground = base.map { " upon \($0.image.text.prefix(16))" } ?? ""
    var label = "\(labelHead)\(ground): \(chain.joined(separator: " | "))"
    if !excluded.isEmpty { label += " without \(excluded.sorted().joined(separator: " "))" }
    if !repositories.isEmpty { label += " with \(repositories.map(\.label).joined(separator: ", "))" }
    return label
  }
}

/// An archive in addition to Debian's, as a source for APT.
public struct RepositorySource: Sendable, Hashable {
  public var name: String
  public var url: String
  public var suites: [String]
  /// Components; empty for a flat repository.
  public var components: [String]
  /// Path of the key that signs the archive.
  public var key: String
  public var keyHash: ContentHash
  /// Pin priority of the archive's packages; `nil` for APT's default.
  public var priority: Int?
  /// Packages that the priority applies to; empty for all.
  public var priorityPackages: [String]

  public init(
    name: String, url: String, suites: [String], components: [String], key: String, keyHash: ContentHash,
    priority: Int?,
    priorityPackages: [String]
  ) {
    self.name = name
    self.url = url
    self.suites = suites
    self.components = components
    self.key = key
    self.keyHash = keyHash
    self.priority = priority
    self.priorityPackages = priorityPackages
  }

  /// A short description of the repository, a part of the stages' labels.
  var label: String {
    let pin = priority.map {
      " at \($0)\(priorityPackages.isEmpty ? "" : " for \(priorityPackages.joined(separator: " "))")"
    }
    return "\(name) (\(([url] + suites + components).joined(separator: " ")) by \(keyHash.text.prefix(16))\(pin ?? ""))"
  }
}
