import HostSystem
import Lock

/// Packages of a system, in stages that are installed one upon the other.
public struct InstallationRequest: Sendable, Hashable {
  /// Suite of Debian by code name.
  public var suite: String
  /// Debian architecture.
  public var architecture: String
  /// Stages, in the order of installation.
  public var stages: [Stage]
  /// Packages that must not come in.
  public var excluded: [String]
  /// Archives besides Debian's.
  public var repositories: [RepositorySource]
  /// What is installed before the first stage; `nil` for nothing.
  public var base: InstalledBase?

  /// What a published image has installed.
  public struct InstalledBase: Sendable, Hashable {
    /// SHA-256 of the image.
    public var image: ContentHash
    /// Text of its dpkg's status.
    public var status: String

    /// Makes a base.
    public init(image: ContentHash, status: String) {
      self.image = image
      self.status = status
    }
  }

  /// What one stage asks for.
  public struct Stage: Sendable, Hashable {
    /// Packages as APT takes them: `NAME`, `NAME=VERSION`, `?essential`.
    public var packages: [String]
    /// Packages of earlier stages that go.
    public var removed: [String]

    /// Makes a stage.
    public init(packages: [String], removed: [String] = []) {
      self.packages = packages
      self.removed = removed
    }
  }

  /// Makes a request.
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

  /// What every image needs that has `dpkg`.
  ///
  /// - Parameter suite: In bookworm the merge of `/usr` is still a package's work unless another one says that it is done.
  public static func essential(suite: String) -> Stage {
    Stage(packages: ["?essential"] + (suite == "bookworm" ? ["usr-is-merged"] : []))
  }

  /// What the names of all stages of the suite and architecture begin with.
  var labelHead: String { "\(suite)/\(architecture) system" }

  /// The name of a stage in the lock file: all that its packages depend on, so that images with the same beginning share it.
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

/// An archive besides Debian's, as APT is told of it.
public struct RepositorySource: Sendable, Hashable {
  /// Name.
  public var name: String
  /// URL.
  public var url: String
  /// Suites.
  public var suites: [String]
  /// Components; empty for a flat archive.
  public var components: [String]
  /// Path of the key that signs it.
  public var key: String
  /// Hash of the key.
  public var keyHash: ContentHash
  /// Priority of its packages; `nil` for APT's own.
  public var priority: Int?
  /// Packages that the priority is for; empty for all.
  public var priorityPackages: [String]

  /// Makes a repository.
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

  /// The repository in a few words.
  var label: String {
    let pin = priority.map {
      " at \($0)\(priorityPackages.isEmpty ? "" : " for \(priorityPackages.joined(separator: " "))")"
    }
    return "\(name) (\(([url] + suites + components).joined(separator: " ")) by \(keyHash.text.prefix(16))\(pin ?? ""))"
  }
}
