import DeviceModel
import FoundationEssentials

/// A program of an image, as the project file describes it.
public struct ProgramDefinition: Sendable, Equatable {
  /// Position in the project file.
  public var position: SourcePosition
  /// Name: the given one, or that of the product, package or file.
  public var name: String
  public var source: ProgramSource
  /// Arguments, without the program's own name.
  public var arguments: [String]
  public var environment: [String: String]
  /// Name of the user that it runs as; by default a user with the name of the program.
  public var user: String
  /// Files that it adds to the root file system.
  public var files: [FileDefinition]
  /// Condition for a restart after it has ended.
  public var restart: RestartPolicy.Condition
  /// Conditions that must be met before it is started.
  public var waitFor: [WaitCondition]
  public var stop: StopPlan
  public var limits: ProgramLimits
  /// Names of its capabilities, in lower case, without `CAP_`.
  public var capabilities: [String]
  public var log: LogPlan
  /// True if the program itself is PID 1. It is then the only program of its image.
  public var isInit: Bool
}

/// The source of a program.
public enum ProgramSource: Sendable, Equatable {
  /// A product of a Swift package.
  case swift(PackageLocation, product: String)
  /// A binary of a Cargo package; `nil` for the binary with the name of the package.
  case cargo(PackageLocation, binary: String?)
  /// A Cargo package from the registry.
  case cargoRegistry(name: String, version: String, binary: String?)
  /// A Go package: the location of the module, and the package in it (`.` for the root of the module).
  case go(PackageLocation, package: String)
  /// A Go package from the module proxy, at a version.
  case goModule(package: String, version: String)
  /// A prebuilt executable.
  case executable(URL)
  /// Debian packages, and the path of the executable among their files.
  case debian(packages: [String], executable: String)
}

/// The location of a package's source tree.
public enum PackageLocation: Sendable, Equatable {
  case folder(URL)
  /// A git repository at a reference, with the folder of the package in it (empty for the top folder).
  case git(url: String, reference: GitReference, folder: String)
}

/// A tag, branch or commit of a git repository.
public enum GitReference: Sendable, Equatable {
  case tag(String)
  /// The newest commit of a branch.
  case branch(String)
  /// A commit, by its full hash.
  case revision(String)
}
