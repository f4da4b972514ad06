import FoundationEssentials

/// The problems found while a system is put together, in whatever file they are, with secrets covered.
struct ProblemList {
  /// What stands in place of a secret.
  static let cover = "•••"

  /// The problems, with secrets still in them.
  private var diagnostics: [Diagnostic] = []
  private var sources: [String: SourceText] = [:]
  private var secrets: Set<String> = []
  private let fileKind: @Sendable (URL) -> FileKind

  init(fileKind: @escaping @Sendable (URL) -> FileKind) {
    self.fileKind = fileKind
  }

  /// Makes the lines of a file known.
  mutating func know(_ source: SourceText) {
    sources[source.file.path] = source
  }

  /// Makes a secret known, each of its lines for itself: none of them is shown.
  mutating func hide(_ secret: String) {
    for line in secret.split(whereSeparator: \.isNewline).map(String.init) + [secret] where !line.isEmpty {
      secrets.insert(line)
    }
  }

  /// A reading of the file that a position is in; what it finds is taken over with ``take(_:)``.
  func reading(at position: SourcePosition) -> Reading {
    Reading(
      source: sources[position.file.path] ?? SourceText(file: position.file, text: ""), fileKind: fileKind)
  }

  /// Reads a value by its shape.
  mutating func read<Value>(_ shape: Shape<Value>, _ node: SourceNode) -> Value? {
    var reading = reading(at: node.position)
    defer { take(reading.diagnostics) }
    return shape.read(node, &reading)
  }

  /// Takes over what was found elsewhere.
  mutating func take(_ found: [Diagnostic]) {
    diagnostics += found
  }

  /// Records an error.
  mutating func error(_ message: String, at position: SourcePosition, hint: String? = nil) {
    diagnostics.append(diagnostic(.error, message, at: position, hint: hint))
  }

  /// Records a warning.
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

  /// How many errors there are.
  var errorCount: Int { diagnostics.count { $0.severity == .error } }

  /// The problems by file and position, no secret in them.
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

  /// A text without the secrets in it, longer ones first, so that none is left in part.
  private func cover(_ text: String) -> String {
    secrets.sorted { ($0.count, $0) > ($1.count, $1) }.reduce(text) { $0.replacing($1, with: Self.cover) }
  }
}
