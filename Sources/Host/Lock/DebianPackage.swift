import Hashing
import HostSystem

/// A binary package in one version, as the archive's signed index describes it.
public struct DebianPackage: Sendable, Codable, Hashable {
  public var name: String
  public var version: String
  /// Architecture; may be `all`.
  public var architecture: String
  public var archive: Origin
  /// Path of the `.deb` below the archive's URL.
  public var path: String
  /// Size of the `.deb` in bytes.
  public var size: Int64
  /// SHA-256 of the `.deb`.
  public var sha256: Digest

  public init(
    name: String, version: String, architecture: String, archive: Origin, path: String, size: Int64,
    sha256: Digest
  ) {
    self.name = name
    self.version = version
    self.architecture = architecture
    self.archive = archive
    self.path = path
    self.size = size
    self.sha256 = sha256
  }

  /// The origin of a package: one of Debian's two archives, the build itself, or a layer's repository by its name.
  public struct Origin: RawRepresentable, Sendable, Codable, Hashable {
    /// The name in the lock file.
    public var rawValue: String

    public init(rawValue: String) {
      self.rawValue = rawValue
    }

    public static let main = Origin(rawValue: "main")
    public static let security = Origin(rawValue: "security")
    /// The build itself; the package is not fetched.
    public static let build = Origin(rawValue: "build")

    /// Returns the origin for a repository of a layer.
    public static func repository(_ name: String) -> Origin { Origin(rawValue: "repository \(name)") }
  }

  /// `name_version_architecture`, for messages.
  public var label: String { "\(name)_\(version)_\(architecture)" }
}

/// A request for packages, with or without their dependencies.
public struct PackageRequest: Sendable, Codable, Hashable {
  /// Code name of the suite.
  public var suite: String
  /// Debian architecture: `amd64`, `arm64`.
  public var architecture: String
  public var names: [String]
  public var scope: Scope

  /// The dependencies that a request includes.
  public enum Scope: String, Sendable, Codable {
    /// No dependencies.
    case named
    /// The direct dependencies, with the first of each group of alternatives. It resolves a kernel's metapackage.
    case direct
    /// Everything that an installation needs.
    case closure
  }

  public init(_ names: [String], scope: Scope, suite: String, architecture: String) {
    self.names = names
    self.scope = scope
    self.suite = suite
    self.architecture = architecture
  }

  /// The request in one line, as the lock file names it.
  public var label: String {
    "\(suite)/\(architecture) \(scope.rawValue): \(names.joined(separator: " "))"
  }
}
