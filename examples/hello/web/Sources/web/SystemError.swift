import Glibc

/// A call to the system that failed.
struct SystemError: Error, CustomStringConvertible {
  /// What was tried.
  let action: String
  /// The system's reason.
  let reason: String

  /// The call that just failed.
  static func last(_ action: String) -> SystemError {
    SystemError(action: action, reason: String(cString: strerror(errno)))
  }

  var description: String { "cannot \(action): \(reason)" }
}

/// The result of a call, or the reason why it failed.
@discardableResult
func check<Number: SignedInteger>(_ result: Number, _ action: String) throws(SystemError) -> Number {
  guard result >= 0 else { throw .last(action) }
  return result
}
