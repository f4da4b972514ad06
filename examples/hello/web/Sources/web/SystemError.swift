import Glibc

/// A call to the system that failed.
struct SystemError: Error, CustomStringConvertible {
  /// The action that failed, as a verb phrase.
  let action: String
  /// The system's reason.
  let reason: String

  /// The call that just failed.
  static func last(_ action: String) -> SystemError {
    SystemError(action: action, reason: String(cString: strerror(errno)))
  }

  var description: String { "cannot \(action): \(reason)" }
}

/// Returns the result of a system call.
///
/// - Throws: ``SystemError`` if the result is negative.
@discardableResult
func check<Number: SignedInteger>(_ result: Number, _ action: String) throws(SystemError) -> Number {
  guard result >= 0 else { throw .last(action) }
  return result
}
