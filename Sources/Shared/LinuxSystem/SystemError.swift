import Glibc

/// A system call that failed: what was being done, on what, and why not.
public struct SystemError: Error, Equatable, Sendable {
  /// What was being done, as an infinitive: `mount`, `read`.
  public var operation: String
  /// On what: usually a path.
  public var subject: String
  /// The kernel's error number.
  public var code: Int32

  /// Makes an error.
  ///
  /// - Parameter code: the kernel's error number; by default that of the call that has just failed.
  public init(_ operation: String, _ subject: String, code: Int32 = errno) {
    self.operation = operation
    self.subject = subject
    self.code = code
  }
}

extension SystemError: CustomStringConvertible {
  /// The error as a sentence's part: `cannot mount /data: No such device`.
  public var description: String {
    "cannot \(operation) \(subject): \(String(cString: strerror(code)))"
  }
}

/// Repeats a call that a signal interrupted, and throws where it fails.
@discardableResult
func check<Result: SignedInteger>(
  _ operation: String, _ subject: @autoclosure () -> String, _ call: () -> Result
) throws(SystemError) -> Result {
  while true {
    let result = call()
    if result >= 0 { return result }
    let code = errno
    if code != EINTR { throw SystemError(operation, subject(), code: code) }
  }
}
