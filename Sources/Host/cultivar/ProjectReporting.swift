import ArgumentParser
import FoundationEssentials
import HostSystem
import Project

/// Shows the problems of a project to the user.
enum ProjectReporting {
  /// Runs the work of a command, and shows the problems of the project on standard error.
  ///
  /// - Throws: `ExitCode.failure` in place of ``ProjectProblems`` and ``ProjectFailure``, or any other error of `work`.
  static func run(_ work: () throws -> Void) throws {
    do {
      try work()
    } catch let problems as ProjectProblems {
      show(problems.diagnostics)
      throw ExitCode.failure
    } catch let failure as ProjectFailure {
      write("cultivar: error: \(failure.problem)")
      if let remedy = failure.remedy {
        write("  \(remedy)")
      }
      throw ExitCode.failure
    }
  }

  /// Shows diagnostics on standard error, each with its source line.
  static func show(_ diagnostics: [Diagnostic]) {
    for diagnostic in diagnostics {
      write(diagnostic.rendered(relativeTo: .currentFolder))
    }
  }

  /// Returns a number with its noun: `1 image`, `2 images`.
  static func count(_ number: Int, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
  }

  private static func write(_ line: String) {
    StandardError.writeLine(line)
  }
}
