/// An error that a user can read: what was being done and what was wrong, and what to do now.
///
/// Every error type of the host tool conforms; the command line prints both sentences and nothing else.
public protocol ExplainedError: Error, Sendable, CustomStringConvertible {
  /// What was being done, on what, and what was wrong. No final full stop.
  var problem: String { get }
  /// What the user can do now; `nil` where ``problem`` says it already.
  var remedy: String? { get }
}

extension ExplainedError {
  /// Problem and remedy, for logs.
  public var description: String {
    remedy.map { "\(problem)\n  \($0)" } ?? problem
  }
}
