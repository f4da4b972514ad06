import ArgumentParser
import Dispatch
import FoundationEssentials
import Glibc
import HostSystem
import Project

/// Shows the errors of every command in the same way, and ends commands on signals.
enum CommandErrors {
  /// Time limit for the cleanup of cancelled work. A blocking system call, for example on a pipe or a disk, cannot be
  /// cancelled.
  private static let grace = DispatchTimeInterval.seconds(10)

  /// Runs the work of a command. SIGINT and SIGTERM cancel the work, so that it can clean up.
  ///
  /// A second signal, or the end of the time limit for the cleanup, ends the command at once. The next build then
  /// removes the unfinished files.
  ///
  /// - Parameter interrupted: Message after a cancellation.
  /// - Throws: `ExitCode`: 1 after an error, which is shown; 130 after a cancellation.
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
      // The command has already shown the error.
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
      // An error of the system's own libraries, for example about a file.
      write("cultivar: error: \(FileFailure.reason(of: error))")
      throw ExitCode.failure
    }
  }

  @Sendable private static func giveUp() {
    write("cultivar: interrupted; the next build removes the unfinished files")
    _exit(130)
  }

  private static func write(_ line: String) {
    StandardError.writeLine(line)
  }
}
