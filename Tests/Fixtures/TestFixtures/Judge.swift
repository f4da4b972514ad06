import Foundation

/// A program of the machine that judges what was made: the format's own checker, or another implementation.
public struct Judge: Sendable {
  /// What a run ended with.
  public struct Verdict: Sendable, Equatable {
    /// Exit status; the number of the signal that ended it, negative.
    public var status: Int32
    /// Standard output.
    public var output: String
    /// Standard error.
    public var errors: String
  }

  /// A judge that is not installed: the test cannot pass without it.
  public struct Missing: Error, CustomStringConvertible {
    /// Name of the program.
    public var program: String
    /// What to do.
    public var description: String { "\(program) is not installed, and this test needs it; `make test` installs it" }
  }

  private let program: URL

  /// Finds a program by its name.
  ///
  /// - Throws: ``Missing``.
  public init(_ name: String) throws {
    let folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    let path = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":").map(String.init) ?? []
    let places = (path + folders).map { "\($0)/\(name)" }
    guard let place = places.first(where: FileManager.default.isExecutableFile) else { throw Missing(program: name) }
    program = URL(fileURLWithPath: place)
  }

  /// Uses a program by its place.
  public init(at program: URL) {
    self.program = program
  }

  /// Whether a program is there.
  public static func isInstalled(_ name: String) -> Bool { (try? Judge(name)) != nil }

  /// Runs it to its end.
  ///
  /// - Parameters:
  ///   - folder: Working directory.
  ///   - environment: Variables added to the inherited ones; `nil` removes one.
  ///   - input: File for standard input; nothing where `nil`.
  @discardableResult
  public func run(
    _ arguments: [String], in folder: URL? = nil, environment: [String: String?] = [:], input: URL? = nil
  ) throws -> Verdict {
    let running = try Running(program, arguments, in: folder, environment: environment, input: input)
    return try running.wait()
  }
}

/// A program that has been started.
public final class Running: Sendable {
  private let process: Process
  private let scratch: URL

  /// Starts a program.
  public init(
    _ program: URL, _ arguments: [String], in folder: URL? = nil, environment: [String: String?] = [:],
    input: URL? = nil
  ) throws {
    process = Process()
    scratch = ProcessFolder.newPlace("judge")
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    process.executableURL = program
    process.arguments = arguments
    process.currentDirectoryURL = folder
    var variables = ProcessInfo.processInfo.environment
    for (name, value) in environment { variables[name] = value }
    process.environment = variables
    // Files instead of pipes: what is written never waits for a reader.
    process.standardOutput = try Self.emptyFile(scratch.appending(path: "output"))
    process.standardError = try Self.emptyFile(scratch.appending(path: "errors"))
    process.standardInput = try input.map { try FileHandle(forReadingFrom: $0) } ?? FileHandle.nullDevice
    try process.run()
  }

  /// Id of the process.
  public var id: Int32 { process.processIdentifier }

  /// Whether it has not ended.
  public var isRunning: Bool { process.isRunning }

  /// What it has written to standard error so far.
  public func errors() throws -> String { try scratch.text("errors") }

  /// Waits for its end.
  public func wait() throws -> Judge.Verdict {
    process.waitUntilExit()
    defer { try? FileManager.default.removeItem(at: scratch) }
    let isSignal = process.terminationReason == .uncaughtSignal
    return Judge.Verdict(
      status: isSignal ? -process.terminationStatus : process.terminationStatus, output: try scratch.text("output"),
      errors: try scratch.text("errors"))
  }

  private static func emptyFile(_ file: URL) throws -> FileHandle {
    try Data().write(to: file)
    return try FileHandle(forWritingTo: file)
  }
}
