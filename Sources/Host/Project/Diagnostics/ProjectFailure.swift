/// An error while a project is found, created or changed.
///
/// Mistakes inside a project file are ``ProjectProblems``.
public struct ProjectFailure: Error, Sendable, Equatable {
  /// Description of the problem, without a final full stop.
  public var problem: String
  /// Advice for the user; `nil` if ``problem`` implies it.
  public var remedy: String?

  public init(_ problem: String, remedy: String? = nil) {
    self.problem = problem
    self.remedy = remedy
  }
}
