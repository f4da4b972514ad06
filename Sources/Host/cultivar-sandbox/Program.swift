import Glibc
import LinuxSystem

/// A program to execute with this process's environment.
struct Program {
  var path: String
  var arguments: [String]

  /// Replaces this process with the program.
  func execute() -> Never {
    let words = arguments.map { strdup($0) } + [nil]
    execv(path, words)
    SandboxFailure.end(with: SystemError("execute", path))
  }
}
