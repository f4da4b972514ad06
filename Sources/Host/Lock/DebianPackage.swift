import HostSystem

/// One binary package at one version, as the archive's signed index describes it.
public struct DebianPackage: Sendable, Codable, Hashable {
  /// Name.
  public var name: String
  /// Version.
  public var version: String
  /// Architecture, `all` included.
  public var architecture: String
  /// Which archive it comes from.
  public var archive: Origin
  /// Path of the `.deb` below the archive's URL.
  public var path: String
  /// Bytes of the `.deb`.
  public var size: Int64
  /// SHA-256 of the `.deb`.
  public var sha256: ContentHash

  /// Makes a package.
  public init(
    name: String, version: String, architecture: String, archive: Origin, path: String, size: Int64,
    sha256: ContentHash
  ) {
    self.name = name
    self.version = version
    self.architecture = architecture
    self.archive = archive
    self.path = path
    self.size = size
    self.sha256 = sha256
  }

  /// The archive that a package comes from: Debian's own two, the build itself, or a repository of a layer by its name.
  public struct Origin: RawRepresentable, Sendable, Codable, Hashable {
    /// The name, as the lock file has it.
    public var rawValue: String

    /// Takes a name.
    public init(rawValue: String) {
      self.rawValue = rawValue
    }

    /// The main archive.
    public static let main = Origin(rawValue: "main")
    /// The security archive.
    public static let security = Origin(rawValue: "security")
    /// Made by the build; nothing is fetched.
    public static let build = Origin(rawValue: "build")

    /// A repository that a layer names.
    public static func repository(_ name: String) -> Origin { Origin(rawValue: "repository \(name)") }
  }

  /// `name_version_architecture`, for messages.
  public var label: String { "\(name)_\(version)_\(architecture)" }
}

/// What is asked of an archive: packages, and how much of what they depend on.
public struct PackageRequest: Sendable, Codable, Hashable {
  /// Suite by code name.
  public var suite: String
  /// Debian architecture: `amd64`, `arm64`.
  public var architecture: String
  /// Names of the packages.
  public var names: [String]
  /// How much of what they depend on is wanted too.
  public var scope: Scope

  /// How much of the dependencies of the named packages belongs to a request.
  public enum Scope: String, Sendable, Codable {
    /// None.
    case named
    /// What they depend on themselves, by the first alternative: what a kernel's metapackage stands for.
    case direct
    /// Everything that an installation needs.
    case closure
  }

  /// Makes a request.
  public init(_ names: [String], scope: Scope, suite: String, architecture: String) {
    self.names = names
    self.scope = scope
    self.suite = suite
    self.architecture = architecture
  }

  /// The request in one line: its name in the lock file.
  public var label: String {
    "\(suite)/\(architecture) \(scope.rawValue): \(names.joined(separator: " "))"
  }
}
