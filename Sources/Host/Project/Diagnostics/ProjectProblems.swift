import FoundationEssentials

/// All problems of a project file and of the layers that it uses.
public struct ProjectProblems: Error, Sendable, Equatable {
  /// The problems, sorted by file and position. If they are thrown, at least one is an error.
  public var diagnostics: [Diagnostic]

  /// - Parameter diagnostics: The problems, in any order.
  public init(_ diagnostics: [Diagnostic]) {
    self.diagnostics = diagnostics.inOrder()
  }

  /// Number of errors in ``diagnostics``.
  public var errorCount: Int {
    diagnostics.count { $0.severity == .error }
  }
}

extension [Diagnostic] {
  /// Returns the diagnostics sorted by file and position, without duplicates.
  ///
  /// An alias can repeat a mistake that the user made once. Files are in the order of their first diagnostic.
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
