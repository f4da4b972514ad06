import FoundationEssentials
import Glibc
import Subprocess
import SystemPackage

/// A command that runs a program of the build host or of the tool tree.
public struct HostCommand: Sendable {
  public var program: Program
  /// Arguments without argv[0].
  public var arguments: [String]
  /// Variables to add to the inherited environment; `nil` removes a variable.
  public var environment: [String: String?]
  /// Working directory; `nil` for the caller's.
  public var folder: String?
  /// Content of the program's standard input.
  public var input: Input
  /// The action, for the error message: `make the EROFS image`.
  public var purpose: String

  /// A program that can be started.
  public enum Program: Sendable {
    /// A program of the build host.
    case host(HostProgram)
    /// Path of an executable that does not belong to the build host: of the tool tree, or Cultivar's own.
    case file(String)

    /// Name in `PATH`, or path.
    public var name: String {
      switch self {
      case .host(let program): program.name
      case .file(let path): path
      }
    }
  }

  /// The content of a program's standard input.
  public enum Input: Sendable {
    case none
    case bytes([UInt8])
    /// A file, from its beginning.
    case file(String)
    case growing(GrowingFile)
  }

  /// Describes a command that runs a program of the build host.
  public init(
    _ program: HostProgram, _ arguments: [String], to purpose: String, environment: [String: String?] = [:],
    in folder: String? = nil, input: Input = .none
  ) {
    self.init(.host(program), arguments, to: purpose, environment: environment, in: folder, input: input)
  }

  /// Describes a command that runs another executable.
  ///
  /// - Parameter file: Path of the executable.
  public init(
    file: String, _ arguments: [String], to purpose: String, environment: [String: String?] = [:],
    in folder: String? = nil, input: Input = .none
  ) {
    self.init(.file(file), arguments, to: purpose, environment: environment, in: folder, input: input)
  }

  private init(
    _ program: Program, _ arguments: [String], to purpose: String, environment: [String: String?],
    in folder: String?, input: Input
  ) {
    self.program = program
    self.arguments = arguments
    self.purpose = purpose
    self.environment = environment
    self.folder = folder
    self.input = input
  }

  /// Runs the program to its end and returns its standard output.
  ///
  /// Cancelling the task ends the program and its child processes with SIGTERM, and with SIGKILL after two seconds.
  ///
  /// - Parameter limit: Maximum length of the output in bytes.
  /// - Throws: ``CommandFailure`` if the program cannot be started or does not exit with status 0.
  @discardableResult
  public func run(limit: Int = 64 << 20) async throws -> String {
    let result: (status: TerminationStatus, output: String?, errors: String?)
    do {
      result = try await collect(limit: limit)
    } catch let error as CancellationError {
      throw error
    } catch {
      try Task.checkCancellation()
      let isMissing = (error as? SubprocessError)?.code == .executableNotFound
      throw CommandFailure(command: self, outcome: isMissing ? .notFound : .notRun(String(describing: error)))
    }
    try Task.checkCancellation()
    // The program's result is useless if its input was incomplete, and the reason for that matters more than its
    // output.
    if case .growing(let file) = input { try await file.complete() }
    guard result.status.isSuccess else {
      let said = [result.output ?? "", result.errors ?? ""].joined(separator: "\n")
      throw CommandFailure(command: self, outcome: .failed(status: "\(result.status)", said: said))
    }
    return result.output ?? ""
  }

  private func collect(
    limit: Int
  ) async throws -> (status: TerminationStatus, output: String?, errors: String?) {
    let executable: Executable = program.name.contains("/") ? .path(FilePath(program.name)) : .name(program.name)
    var changes: [Environment.Key: String?] = [:]
    for (name, value) in environment { changes[Environment.Key(stringLiteral: name)] = value }
    var options = PlatformOptions()
    // A separate session: the program's child processes end with it, and none of them can read from the terminal.
    options.createSession = true
    options.teardownSequence = [.gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .seconds(2))]
    let configuration = Configuration(
      executable: executable, arguments: Arguments(arguments), environment: .inherit.updating(changes),
      workingDirectory: folder.map { FilePath($0) }, platformOptions: options)
    switch input {
    case .none:
      let result = try await Subprocess.run(
        configuration, input: .none, output: .string(limit: limit), error: .string(limit: limit))
      return (result.terminationStatus, result.standardOutput, result.standardError)
    case .bytes(let bytes):
      let result = try await Subprocess.run(
        configuration, input: .array(bytes), output: .string(limit: limit), error: .string(limit: limit))
      return (result.terminationStatus, result.standardOutput, result.standardError)
    case .file(let path):
      return try await collect(
        configuration, from: try FileDescriptor.open(path, .readOnly), limit: limit)
    case .growing(let file):
      var ends: [Int32] = [-1, -1]
      // A socket pair, as it can be created close-on-exec. Another program that inherits an end would keep it open.
      guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
        throw FileFailure.last("make a pipe for", file.path)
      }
      file.feed(ends[1])
      return try await collect(configuration, from: FileDescriptor(rawValue: ends[0]), limit: limit)
    }
  }

  private func collect(
    _ configuration: Configuration, from input: FileDescriptor, limit: Int
  ) async throws -> (status: TerminationStatus, output: String?, errors: String?) {
    let result = try await Subprocess.run(
      configuration, input: .fileDescriptor(input, closeAfterSpawningProcess: true),
      output: .string(limit: limit), error: .string(limit: limit))
    return (result.terminationStatus, result.standardOutput, result.standardError)
  }
}

/// A program that the build needs could not be run, or failed.
public struct CommandFailure: ExplainedError {
  public var command: HostCommand
  public var outcome: Outcome

  public init(command: HostCommand, outcome: Outcome) {
    self.command = command
    self.outcome = outcome
  }

  /// The outcome of a command that did not succeed.
  public enum Outcome: Sendable {
    /// The program does not exist.
    case notFound
    /// The program could not be started, or its end could not be awaited, for this reason.
    case notRun(String)
    /// The program ended with this status and this output on standard output and standard error.
    case failed(status: String, said: String)
  }

  /// True if the program reported a full disk.
  public var isFullDisk: Bool {
    guard case .failed(_, let said) = outcome else { return false }
    return FileFailure.tellsOfFullDisk(said)
  }

  public var problem: String {
    switch outcome {
    case .notFound:
      return "cannot \(command.purpose): there is no program \(command.program.name)"
    case .notRun(let reason):
      return "cannot \(command.purpose): cannot run \(command.program.name): \(reason)"
    case .failed(let status, let said):
      return "cannot \(command.purpose): \(command.program.name) ended with \(status)" + ProgramWords.shown(of: said)
    }
  }

  public var remedy: String? {
    guard case .notFound = outcome else { return nil }
    guard case .host(let program) = command.program else {
      return "run `cultivar cache clear` to fetch it again, or install Cultivar again"
    }
    return MissingPrograms([program]).remedy
  }
}
