import ArgumentParser
import FoundationEssentials
import HostSystem
import Project

/// Shows the user what is wrong with a project.
enum ProjectReporting {
  /// Runs the work of a command, and shows what it throws on standard error.
  ///
  /// - Throws: `ExitCode.failure` in place of ``ProjectProblems`` and ``ProjectFailure``; everything else as it is.
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

  /// Shows diagnostics on standard error, each with its line.
  static func show(_ diagnostics: [Diagnostic]) {
    for diagnostic in diagnostics {
      write(diagnostic.rendered(relativeTo: .currentFolder))
    }
  }

  /// A number with its noun: `1 image`, `2 images`.
  static func count(_ number: Int, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
  }

  private static func write(_ line: String) {
    StandardError.writeLine(line)
  }
}
