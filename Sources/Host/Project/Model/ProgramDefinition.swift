import FoundationEssentials

/// One program of an image, as the project file says it.
public struct ProgramDefinition: Sendable, Equatable {
  /// Where it stands in the project file.
  public var position: SourcePosition
  /// Name: given, or the product's, package's or file's.
  public var name: String
  /// Where it comes from.
  public var source: ProgramSource
  /// Arguments, without the program's own name.
  public var arguments: [String]
  /// Environment variables.
  public var environment: [String: String]
  /// Name of the user it runs as; its own name where the file gives none, `root` where asked for.
  public var user: String
  /// Files that it brings.
  public var files: [FileDefinition]
  /// When it is started again.
  public var restart: RestartChoice
  /// What must hold before it is started.
  public var waitFor: [WaitChoice]
  /// Signal that asks it to end, by name without `SIG`: `TERM`.
  public var stopSignal: String
  /// Milliseconds until it is killed.
  public var stopGrace: Int
  /// Bytes of memory, at most.
  public var memoryLimit: Int64?
  /// Hundredths of one processor, at most.
  public var cpuLimit: Int?
  /// Processes and threads, at most.
  public var processLimit: Int?
  /// Capabilities by name, lower case, without `CAP_`.
  public var capabilities: [String]
  /// Bytes of output kept in memory.
  public var logRing: Int
  /// Log files on the data partition; `nil` for none.
  public var logFiles: LogFilesChoice?
  /// Whether the program is PID 1 itself; then it is the only one of its image.
  public var isInit: Bool
}

/// Where a program comes from.
public enum ProgramSource: Sendable, Equatable {
  /// A product of a Swift package.
  case swift(PackageLocation, product: String)
  /// A binary of a Cargo package; the package's name where `nil`.
  case cargo(PackageLocation, binary: String?)
  /// A Cargo package of the registry.
  case cargoRegistry(name: String, version: String, binary: String?)
  /// A Go package: the module's folder, and the package in it (`.` for the module's root).
  case go(PackageLocation, package: String)
  /// A Go package of the module proxy, at a version.
  case goModule(package: String, version: String)
  /// A prebuilt executable.
  case executable(URL)
  /// Files of Debian packages, and the path of the executable among them.
  case debian(packages: [String], executable: String)
}

/// A package's source tree.
public enum PackageLocation: Sendable, Equatable {
  /// A folder.
  case folder(URL)
  /// A git repository at a reference, with the folder of the package in it (empty for the top).
  case git(url: String, reference: GitReference, folder: String)
}

/// What is checked out of a git repository.
public enum GitReference: Sendable, Equatable {
  /// A tag.
  case tag(String)
  /// The newest commit of a branch.
  case branch(String)
  /// A commit, by its full id.
  case revision(String)
}

/// When a program that ended is started again (`restart:`).
public enum RestartChoice: String, Sendable, Equatable, CaseIterable {
  /// Always.
  case always
  /// After an exit status other than 0, or a signal.
  case onFailure = "on-failure"
  /// Never.
  case never
}

/// What must hold before a program is started (`waitFor:`).
public enum WaitChoice: Sendable, Equatable {
  /// A usable address.
  case network
  /// A synchronised clock.
  case clock
  /// A path that exists.
  case path(String)
  /// Another program of the image.
  case program(String)
}

/// Log files on the data partition (`log: { files: … }`).
public struct LogFilesChoice: Sendable, Equatable {
  /// Bytes at which a file is closed.
  public var maximumBytes: Int64
  /// Closed files that are kept.
  public var keep: Int
}
