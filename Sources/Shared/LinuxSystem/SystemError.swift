import Glibc

/// A failed system call: the operation, its subject, and the reason.
public struct SystemError: Error, Equatable, Sendable {
  /// The operation as an infinitive: `mount`, `read`.
  public var operation: String
  /// The subject, usually a path.
  public var subject: String
  /// The kernel's error number.
  public var code: Int32

  /// - Parameter code: The kernel's error number; by default that of the last failed call.
  public init(_ operation: String, _ subject: String, code: Int32 = errno) {
    self.operation = operation
    self.subject = subject
    self.code = code
  }
}

extension SystemError: CustomStringConvertible {
  /// The error as a part of a sentence: `cannot mount /data: No such device`.
  public var description: String {
    "cannot \(operation) \(subject): \(String(cString: strerror(code)))"
  }
}

/// Repeats a call while signals interrupt it, and throws if it fails.
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
