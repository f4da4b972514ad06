import Glibc
import LinuxSystem

/// A program to be executed with this process's environment.
struct Program {
  var path: String
  var arguments: [String]

  /// Replaces this process.
  func execute() -> Never {
    let words = arguments.map { strdup($0) } + [nil]
    execv(path, words)
    SandboxFailure.end(with: SystemError("execute", path))
  }
}
