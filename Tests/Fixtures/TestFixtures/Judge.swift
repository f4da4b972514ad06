import Foundation

/// A program that checks a result: the format's own checker, or another implementation.
public struct Judge: Sendable {
  /// The result of a run.
  public struct Verdict: Sendable, Equatable {
    /// Exit status, or the negative number of the signal that ended it.
    public var status: Int32
    public var output: String
    public var errors: String
  }

  /// A judge that is not installed. The test cannot pass without it.
  public struct Missing: Error, CustomStringConvertible {
    public var program: String
    /// The problem and its remedy.
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

  /// Uses the program at a URL.
  public init(at program: URL) {
    self.program = program
  }

  public static func isInstalled(_ name: String) -> Bool { (try? Judge(name)) != nil }

  /// Runs the program to its end.
  ///
  /// - Parameters:
  ///   - folder: The working directory.
  ///   - environment: Variables added to the inherited ones; `nil` removes one.
  ///   - input: A file for standard input, or `nil` for no input.
  @discardableResult
  public func run(
    _ arguments: [String], in folder: URL? = nil, environment: [String: String?] = [:], input: URL? = nil
  ) throws -> Verdict {
    let running = try Running(program, arguments, in: folder, environment: environment, input: input)
    return try running.wait()
  }
}

/// A program that was started.
public final class Running: Sendable {
  private let process: Process
  private let scratch: URL

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
    // Files instead of pipes, so that the program never blocks on a full pipe.
    process.standardOutput = try Self.emptyFile(scratch.appending(path: "output"))
    process.standardError = try Self.emptyFile(scratch.appending(path: "errors"))
    process.standardInput = try input.map { try FileHandle(forReadingFrom: $0) } ?? FileHandle.nullDevice
    try process.run()
  }

  public var id: Int32 { process.processIdentifier }

  public var isRunning: Bool { process.isRunning }

  /// Returns its standard error so far.
  public func errors() throws -> String { try scratch.text("errors") }

  /// Waits until it ends.
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
