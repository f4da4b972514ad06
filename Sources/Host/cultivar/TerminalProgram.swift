import Glibc
import Subprocess
import SystemPackage

/// A program that uses this process's terminal.
enum TerminalProgram {
  /// Runs a program to its end.
  ///
  /// - Parameter environment: The complete environment of the program; `nil` for this process's own.
  /// - Returns: The program's exit status; 1 if it was ended by a signal.
  static func run(_ program: String, _ arguments: [String], environment: [String: String]? = nil) async throws -> Int32
  {
    var variables: [Environment.Key: String] = [:]
    for (name, value) in environment ?? [:] { variables[Environment.Key(stringLiteral: name)] = value }
    var platform = PlatformOptions()
    platform.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(1))]
    let configuration = Configuration(
      executable: program.contains("/") ? .path(FilePath(program)) : .name(program), arguments: Arguments(arguments),
      environment: environment == nil ? .inherit : .custom(variables), platformOptions: platform)
    // A killed program may leave the terminal with changed settings.
    var settings = termios()
    let isTerminal = tcgetattr(STDIN_FILENO, &settings) == 0
    defer { if isTerminal { tcsetattr(STDIN_FILENO, TCSADRAIN, &settings) } }
    let result = try await Subprocess.run(
      configuration, input: .fileDescriptor(.standardInput, closeAfterSpawningProcess: false),
      output: .fileDescriptor(.standardOutput, closeAfterSpawningProcess: false),
      error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false))
    if case .exited(let code) = result.terminationStatus { return Int32(code) }
    return 1
  }
}
