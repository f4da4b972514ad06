import FoundationEssentials
import Glibc

/// A reader of project files.
///
/// The reader is strict and reports all problems of a file at once. It does not run or fetch anything.
public struct ProjectReader: Sendable {
  /// Name of the file that a folder needs to be a project.
  public static let fileName = "cultivar.yaml"
  /// Maximum size of a file that is read, in bytes. People do not write larger files.
  public static let maximumBytes = 1 << 20

  private let fileKind: @Sendable (URL) -> FileKind

  /// - Parameter fileKind: Returns the kind of the file at a path of the build host.
  public init(fileKind: @escaping @Sendable (URL) -> FileKind = ProjectReader.kindOnDisk) {
    self.fileKind = fileKind
  }

  /// A project, and the warnings about it.
  public struct Result: Sendable {
    public var project: ProjectDefinition
    /// Warnings, in the order of their positions.
    public var warnings: [Diagnostic]
  }

  /// Reads a project file.
  ///
  /// - Returns: The project, checked as far as the file itself allows.
  /// - Throws: ``ProjectProblems`` with all problems if there is at least one error, or if the file cannot be read.
  public func read(_ file: URL) throws(ProjectProblems) -> Result {
    let text: String
    switch Self.load(file) {
    case .success(let loaded): text = loaded
    case .failure(let problems): throw problems
    }
    return try read(text, as: file)
  }

  /// Reads the text of a project file. The file need not contain this text yet.
  ///
  /// - Parameters:
  ///   - file: The file; relative paths are relative to its folder.
  /// - Throws: ``ProjectProblems`` with all problems if there is at least one error.
  public func read(_ text: String, as file: URL) throws(ProjectProblems) -> Result {
    let source = SourceText(file: file.absoluteURL, text: text)
    let document = YAMLDocument(source)
    var reading = Reading(source: source, fileKind: fileKind)
    let project = document.root.flatMap { ProjectFormat.shape.read($0, &reading) }
    let problems = ProjectProblems(document.diagnostics + reading.diagnostics)
    guard let project, problems.errorCount == 0 else { throw problems }
    return Result(project: project, warnings: problems.diagnostics)
  }

  /// Returns the kind of the file at a path of the build host. Follows symbolic links.
  @Sendable public static func kindOnDisk(_ url: URL) -> FileKind {
    var status = stat()
    guard stat(url.path, &status) == 0 else { return .missing }
    return switch status.st_mode & S_IFMT {
    case S_IFREG: .file
    case S_IFDIR: .folder
    default: .special
    }
  }

  /// Returns true if a file of the build host is executable.
  @Sendable public static func isRunnableOnDisk(_ url: URL) -> Bool {
    FileManager.default.isExecutableFile(atPath: url.path)
  }

  static func load(_ file: URL) -> Swift.Result<String, ProjectProblems> {
    func refusal(_ message: String, line: Int = 1, column: Int = 1, hint: String? = nil) -> ProjectProblems {
      let position = SourcePosition(file: file, line: line, column: column)
      return ProjectProblems([
        Diagnostic(severity: .error, message: message, position: position, sourceLine: "", hint: hint)
      ])
    }
    let data: Data
    do {
      data = try Data(contentsOf: file)
    } catch {
      return .failure(
        refusal(
          "the file cannot be read",
          hint: "check that it exists and that you may read it; `cultivar new DIR` makes a project"))
    }
    guard data.count <= maximumBytes else {
      return .failure(refusal("the file is larger than \(Int64(maximumBytes).asSize)"))
    }
    guard let text = String(data: data, encoding: .utf8) else {
      // Decoding with replacement finds the position of the first invalid byte.
      let before = String(decoding: data, as: UTF8.self).prefix { $0 != "\u{FFFD}" }
      let lines = SourceText(file: file, text: String(before)).lines
      return .failure(
        refusal(
          "the file is not UTF-8 text here", line: lines.count, column: (lines.last?.count ?? 0) + 1,
          hint: "save it as UTF-8"))
    }
    return .success(text)
  }
}
