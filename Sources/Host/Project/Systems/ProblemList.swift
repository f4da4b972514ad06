import FoundationEssentials

/// The problems found while a system is read, in all of its files, with secrets masked.
struct ProblemList {
  /// Text that replaces a secret.
  static let cover = "•••"

  /// Problems, with secrets not masked yet.
  private var diagnostics: [Diagnostic] = []
  private var sources: [String: SourceText] = [:]
  private var secrets: Set<String> = []
  private let fileKind: @Sendable (URL) -> FileKind

  init(fileKind: @escaping @Sendable (URL) -> FileKind) {
    self.fileKind = fileKind
  }

  /// Adds a file, so that problems can show its lines.
  mutating func know(_ source: SourceText) {
    sources[source.file.path] = source
  }

  /// Adds a secret. The secret and each of its lines are masked.
  mutating func hide(_ secret: String) {
    for line in secret.split(whereSeparator: \.isNewline).map(String.init) + [secret] where !line.isEmpty {
      secrets.insert(line)
    }
  }

  /// Returns a reading of the file that contains a position. Its problems must be added with ``take(_:)``.
  func reading(at position: SourcePosition) -> Reading {
    Reading(
      source: sources[position.file.path] ?? SourceText(file: position.file, text: ""), fileKind: fileKind)
  }

  /// Reads a value and adds the problems found.
  mutating func read<Value>(_ shape: Shape<Value>, _ node: SourceNode) -> Value? {
    var reading = reading(at: node.position)
    defer { take(reading.diagnostics) }
    return shape.read(node, &reading)
  }

  /// Adds problems that were found elsewhere.
  mutating func take(_ found: [Diagnostic]) {
    diagnostics += found
  }

  mutating func error(_ message: String, at position: SourcePosition, hint: String? = nil) {
    diagnostics.append(diagnostic(.error, message, at: position, hint: hint))
  }

  mutating func warning(_ message: String, at position: SourcePosition, hint: String? = nil) {
    diagnostics.append(diagnostic(.warning, message, at: position, hint: hint))
  }

  private func diagnostic(
    _ severity: Diagnostic.Severity, _ message: String, at position: SourcePosition, hint: String?
  ) -> Diagnostic {
    Diagnostic(
      severity: severity, message: message, position: position,
      sourceLine: sources[position.file.path]?.line(position.line) ?? "", hint: hint)
  }

  /// Number of errors.
  var errorCount: Int { diagnostics.count { $0.severity == .error } }

  /// The problems, sorted by file and position, with secrets masked.
  var problems: ProjectProblems {
    ProjectProblems(
      diagnostics.map { diagnostic in
        var covered = diagnostic
        covered.message = cover(diagnostic.message)
        covered.sourceLine = cover(diagnostic.sourceLine)
        covered.hint = diagnostic.hint.map(cover)
        return covered
      })
  }

  /// Returns a text with secrets masked. Longer secrets are replaced first, so that no part of them remains.
  private func cover(_ text: String) -> String {
    secrets.sorted { ($0.count, $0) > ($1.count, $1) }.reduce(text) { $0.replacing($1, with: Self.cover) }
  }
}
