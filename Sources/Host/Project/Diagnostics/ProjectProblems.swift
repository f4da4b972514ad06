import FoundationEssentials

/// All problems of a project file and of the layers that it uses, by file and position.
public struct ProjectProblems: Error, Sendable, Equatable {
  /// The problems: at least one error, and the warnings of the same file.
  public var diagnostics: [Diagnostic]

  /// Makes an error from the diagnostics of a file.
  ///
  /// - Parameter diagnostics: The problems, in any order.
  public init(_ diagnostics: [Diagnostic]) {
    self.diagnostics = diagnostics.inOrder()
  }

  /// How many of ``diagnostics`` are errors.
  public var errorCount: Int {
    diagnostics.count { $0.severity == .error }
  }
}

extension [Diagnostic] {
  /// The diagnostics by file and position, each once: what an alias repeats is one mistake of the user. Files are in
  /// the order in which something was found in them.
  func inOrder() -> [Diagnostic] {
    var result: [Diagnostic] = []
    var files: [String: Int] = [:]
    for diagnostic in self where files[diagnostic.position.file.path] == nil {
      files[diagnostic.position.file.path] = files.count
    }
    let sorted = enumerated().sorted { first, second in
      let (left, right) = (first.element.position, second.element.position)
      let (leftFile, rightFile) = (files[left.file.path] ?? 0, files[right.file.path] ?? 0)
      return (leftFile, left.line, left.column, first.offset) < (rightFile, right.line, right.column, second.offset)
    }
    for (_, diagnostic) in sorted where !result.contains(diagnostic) {
      result.append(diagnostic)
    }
    return result
  }
}
