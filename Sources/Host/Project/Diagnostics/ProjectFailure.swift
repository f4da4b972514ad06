/// A project could not be found, made or changed: what was tried, what was wrong, and what to do now.
///
/// Mistakes inside a project file are ``ProjectProblems``.
public struct ProjectFailure: Error, Sendable, Equatable {
  /// What was being done, on what, and what was wrong. No final full stop.
  public var problem: String
  /// What the user can do now; `nil` where ``problem`` says it already.
  public var remedy: String?

  /// Makes a failure from its two sentences.
  public init(_ problem: String, remedy: String? = nil) {
    self.problem = problem
    self.remedy = remedy
  }
}
