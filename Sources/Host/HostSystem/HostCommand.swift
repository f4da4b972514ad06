import FoundationEssentials
import Glibc
import Subprocess
import SystemPackage

/// A program of the build host (or of the tool tree) to be run, with everything it sees.
public struct HostCommand: Sendable {
  /// The program.
  public var program: Program
  /// Arguments without argv[0].
  public var arguments: [String]
  /// Variables added to the inherited environment; `nil` removes one.
  public var environment: [String: String?]
  /// Working directory; the caller's own where `nil`.
  public var folder: String?
  /// What the program reads on standard input.
  public var input: Input
  /// What was being done, for the error: `make the EROFS image`.
  public var purpose: String

  /// A program that can be started.
  public enum Program: Sendable {
    /// One of the build host's own.
    case host(HostProgram)
    /// An executable that the host does not bring: of the tool tree, or Cultivar's own.
    case file(String)

    /// Name in `PATH`, or path.
    public var name: String {
      switch self {
      case .host(let program): program.name
      case .file(let path): path
      }
    }
  }

  /// What a program reads on standard input.
  public enum Input: Sendable {
    /// Nothing.
    case none
    /// These bytes.
    case bytes([UInt8])
    /// A file, from its beginning.
    case file(String)
    /// A file that is still being written.
    case growing(GrowingFile)
  }

  /// Describes a command with a program of the build host; nothing runs yet.
  public init(
    _ program: HostProgram, _ arguments: [String], to purpose: String, environment: [String: String?] = [:],
    in folder: String? = nil, input: Input = .none
  ) {
    self.init(.host(program), arguments, to: purpose, environment: environment, in: folder, input: input)
  }

  /// Describes a command with an executable that the build host does not bring.
  ///
  /// - Parameter file: Its path.
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

  /// Runs the program to its end and gives its standard output.
  ///
  /// Cancelling the task ends the program and what it has started: TERM, and KILL two seconds later.
  ///
  /// - Parameter limit: Most bytes of output that are accepted.
  /// - Throws: ``CommandFailure`` if it cannot be started or does not exit with status 0.
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
    // What the program made of half a file is nothing, and why it is half comes before whatever the program says.
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
    // A session of its own: what the program has started ends with it, and nothing of it can ask on the terminal.
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
      // Unlike a pipe's, its ends are closed in other programs from the first moment: one that had one would keep it open.
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
  /// What was to be run.
  public var command: HostCommand
  /// How it went.
  public var outcome: Outcome

  /// Makes a failure.
  public init(command: HostCommand, outcome: Outcome) {
    self.command = command
    self.outcome = outcome
  }

  /// How a command went that did not succeed.
  public enum Outcome: Sendable {
    /// There is no such program.
    case notFound
    /// It could not be started, or not be followed to its end, for this reason.
    case notRun(String)
    /// It ended with this status, and said this on standard output and standard error.
    case failed(status: String, said: String)
  }

  /// Whether the program found a disk full.
  public var isFullDisk: Bool {
    guard case .failed(_, let said) = outcome else { return false }
    return FileFailure.tellsOfFullDisk(said)
  }

  /// What was being done, and what was wrong.
  public var problem: String {
    switch outcome {
    case .notFound:
      return "cannot \(command.purpose): there is no program \(command.program.name)"
    case .notRun(let reason):
      return "cannot \(command.purpose): \(command.program.name) could not be run: \(reason)"
    case .failed(let status, let said):
      return "cannot \(command.purpose): \(command.program.name) ended with \(status)" + ProgramWords.shown(of: said)
    }
  }

  /// What the user can do now.
  public var remedy: String? {
    guard case .notFound = outcome else { return nil }
    guard case .host(let program) = command.program else {
      return "run `cultivar cache clear`, so that it is fetched again, or install Cultivar again"
    }
    return MissingPrograms([program]).remedy
  }
}
