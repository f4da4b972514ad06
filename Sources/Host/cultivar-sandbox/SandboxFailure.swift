import Glibc
import LinuxSystem
import SandboxPlan

/// The reason why a sandbox cannot be made, for the user of `cultivar`.
struct SandboxFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  /// Prints the reason and ends the process.
  static func end(with error: any Error) -> Never {
    try? Descriptor.standardError.write(all: Array("cannot make a sandbox: \(error)\n".utf8))
    exit(SandboxPlan.failureStatus)
  }

  /// Prints the reason why a program is ended, and ends this process and so the sandbox.
  static func end(saying reason: String) -> Never {
    try? Descriptor.standardError.write(all: Array("\(reason)\n".utf8))
    exit(1)
  }
}
