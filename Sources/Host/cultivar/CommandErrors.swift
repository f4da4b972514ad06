import ArgumentParser
import Dispatch
import FoundationEssentials
import Glibc
import HostSystem
import Project

/// Shows what a command throws in the way that every command shows it, and ends it when the user does.
enum CommandErrors {
  /// Time that cancelled work has to tidy up. A call of the kernel that waits, for the other end of a pipe or for a disk, cannot be cancelled.
  private static let grace = DispatchTimeInterval.seconds(10)

  /// Runs the work of a command; Ctrl-C and a request to terminate cancel it, so that it can tidy up. A second one ends the command at once,
  /// as does the time that tidying up may take; the next build then removes what was being made.
  ///
  /// - Parameter interrupted: What is said when it was cancelled.
  /// - Throws: `ExitCode`: 1 for an error that was shown, 130 after Ctrl-C.
  static func shown(
    interrupted: String = "interrupted; nothing is left behind",
    _ work: @Sendable @escaping () async throws -> Void
  ) async throws {
    let task = Task { try await work() }
    let sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        if task.isCancelled { giveUp() }
        task.cancel()
        DispatchQueue.global().asyncAfter(deadline: .now() + grace, execute: giveUp)
      }
      source.resume()
      return source
    }
    defer { for source in sources { source.cancel() } }
    do {
      try await task.value
    } catch let code as ExitCode {
      // The command has said already what is wrong.
      throw code
    } catch is CancellationError {
      write("cultivar: \(interrupted)")
      throw ExitCode(130)
    } catch let error as any ExplainedError {
      if task.isCancelled {
        write("cultivar: \(interrupted)")
        throw ExitCode(130)
      }
      write("cultivar: error: \(error.problem)")
      if let remedy = error.remedy { write("  \(remedy)") }
      throw ExitCode.failure
    } catch let problems as ProjectProblems {
      try ProjectReporting.run { throw problems }
    } catch let failure as ProjectFailure {
      try ProjectReporting.run { throw failure }
    } catch {
      // What the system's own libraries say of a file.
      write("cultivar: error: \(FileFailure.reason(of: error))")
      throw ExitCode.failure
    }
  }

  @Sendable private static func giveUp() {
    write("cultivar: interrupted; the next build removes what was being made")
    _exit(130)
  }

  private static func write(_ line: String) {
    StandardError.writeLine(line)
  }
}
