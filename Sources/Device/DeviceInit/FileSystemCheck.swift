import LinuxSystem

/// Checks the data file system with `e2fsck`.
struct FileSystemCheck {
  /// The result of a check, from the bits of `e2fsck`'s exit status.
  enum Outcome: Equatable {
    /// There were no errors.
    case clean
    /// Errors were found and corrected.
    case corrected
    /// Errors are left, or the check itself failed.
    case failed(String)
  }

  static let program = "/usr/sbin/e2fsck"
  /// Maximum number of full repairs. After it has replayed a journal or used a backup superblock, `e2fsck` stops and
  /// has to be run again. Each run leaves fewer errors than it found.
  static let fullRepairs = 3

  /// Runs `e2fsck` with arguments and returns its exit and output.
  var run: ([String]) throws -> (end: ProcessEnd, output: [UInt8]) = { arguments in
    try ChildProcess.run(ProcessStart(program, [program] + arguments, environment: ["PATH=/usr/sbin:/usr/bin"]))
  }

  /// Checks a file system. If the safe repair cannot correct all errors, runs the full repair.
  ///
  /// - Parameter path: The device node.
  /// - Returns: The outcome, and the output of `e2fsck` if there were errors.
  func check(_ path: String) -> (outcome: Outcome, output: String) {
    let safe = attempt(["-p", path])
    guard case .failed = safe.outcome else { return safe }
    var outcome = safe.outcome
    var output = safe.output
    for _ in 0..<Self.fullRepairs {
      guard case .failed = outcome else { break }
      let full = attempt(["-f", "-y", path])
      outcome = full.outcome
      output += "\n" + full.output
    }
    return (outcome, output)
  }

  private func attempt(_ arguments: [String]) -> (outcome: Outcome, output: String) {
    do {
      let (end, output) = try run(arguments)
      return (Self.outcome(of: end), String(decoding: output.trimmingSpace, as: UTF8.self))
    } catch {
      return (.failed("\(error)"), "")
    }
  }

  static func outcome(of end: ProcessEnd) -> Outcome {
    switch end {
    case .exited(0): .clean
    // 1: corrected; 2: corrected, and a mounted file system would need a restart. This one is not mounted.
    case .exited(1...3): .corrected
    case .exited(let status): .failed("e2fsck ended with status \(status)")
    case .signalled(let signal): .failed("e2fsck was killed by signal \(SignalName.name(of: signal))")
    }
  }
}
