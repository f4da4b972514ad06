import Foundation

/// All problems of a project file, by position.
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
  /// The diagnostics by position, each once: what an alias repeats is one mistake of the user.
  func inOrder() -> [Diagnostic] {
    var result: [Diagnostic] = []
    let sorted = enumerated().sorted { first, second in
      let (left, right) = (first.element.position, second.element.position)
      return (left.line, left.column, first.offset) < (right.line, right.column, second.offset)
    }
    for (_, diagnostic) in sorted where !result.contains(diagnostic) {
      result.append(diagnostic)
    }
    return result
  }
}
