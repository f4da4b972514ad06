/// An error with a message for the user: the problem and its remedy.
///
/// Every error type of the host tool conforms. The command line prints both texts and nothing else.
public protocol ExplainedError: Error, Sendable, CustomStringConvertible {
  /// The action that failed, its subject and the reason. No final full stop.
  var problem: String { get }
  /// An action for the user to take; `nil` if ``problem`` is enough.
  var remedy: String? { get }
}

extension ExplainedError {
  /// The problem and the remedy, for logs.
  public var description: String {
    remedy.map { "\(problem)\n  \($0)" } ?? problem
  }
}
