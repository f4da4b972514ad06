import Foundation
import Glibc
import TestFixtures
import Testing

@testable import HostSystem

@Suite("Programs of the build host")
struct HostCommandTests {
  private func shell(_ script: String, input: HostCommand.Input = .none) -> HostCommand {
    HostCommand(file: "sh", ["-c", script], to: "test", environment: ["GIVEN": "yes", "HOME": nil], input: input)
  }

  @Test("Standard output is returned; the environment is inherited with changes")
  func output() async throws {
    let text = try await shell("echo \"$GIVEN ${HOME-none} ${PATH:+path}\"; echo noise >&2").run()
    #expect(text == "yes none path\n")
  }

  @Test("Bytes and files are read on standard input")
  func input() async throws {
    try await withTemporaryFolder { folder in
      let file = try folder.writing("of a file", to: "file")
      #expect(try await shell("cat", input: .bytes(Array("bytes".utf8))).run() == "bytes")
      #expect(try await shell("cat", input: .file(file.path)).run() == "of a file")
      #expect(try await shell("cat").run() == "")
    }
  }

  @Test("A failed program is an error with its status and both outputs")
  func failure() async throws {
    let failure = await #expect(throws: CommandFailure.self) {
      try await shell("echo said; echo complained >&2; exit 3").run()
    }
    #expect(failure?.problem == "cannot test: sh ended with exited(3)\n  | said\n  | complained")
    #expect(failure?.remedy == nil)
  }

  @Test("The error has only the end of a long output")
  func longFailure() async throws {
    let failure = await #expect(throws: CommandFailure.self) { try await shell("seq 1 1000; exit 1").run() }
    #expect(failure?.problem.split(separator: "\n").count == 31)
    #expect(failure?.problem.hasSuffix("\n  | 1000") == true)
  }

  @Test("A missing program is named, with a remedy")
  func missing() async throws {
    let failure = await #expect(throws: CommandFailure.self) {
      try await HostCommand(file: "no-such-program", [], to: "make a test").run()
    }
    #expect(failure?.problem == "cannot make a test: there is no program no-such-program")
    #expect(failure?.remedy == "run `cultivar cache clear` to fetch it again, or install Cultivar again")
  }

  @Test("A missing working directory or too much output is not mistaken for a missing program")
  func notRun() async throws {
    let nowhere = await #expect(throws: CommandFailure.self) {
      try await HostCommand(file: "true", [], to: "test", in: "/no/such/folder").run()
    }
    let flood = await #expect(throws: CommandFailure.self) {
      try await HostCommand(file: "seq", ["1", "10000"], to: "test").run(limit: 100)
    }
    #expect(nowhere?.problem.contains("/no/such/folder") == true)
    #expect(flood?.problem.contains("exceeded the limit of 100 bytes") == true)
    #expect(nowhere?.remedy == nil && flood?.remedy == nil)
  }

  @Test("Cancellation ends the program, even if it ignores TERM", arguments: ["", "trap '' TERM;"])
  func cancellation(prefix: String) async throws {
    try await withTemporaryFolder { folder in
      let place = folder.appending(path: "pid").path
      let task = Task {
        try await shell("\(prefix) echo $$ > \(place).new; mv \(place).new \(place); while :; do sleep 0.1; done").run()
      }
      while !FileManager.default.fileExists(atPath: place) { try await Task.sleep(for: .milliseconds(10)) }
      let number = try #require(pid_t(try folder.text("pid").trimmingCharacters(in: .newlines)))
      #expect(kill(number, 0) == 0)

      task.cancel()

      await #expect(throws: CancellationError.self) { _ = try await task.value }
      #expect(kill(number, 0) == -1 && errno == ESRCH)
    }
  }

  @Test("Cancellation also ends the program's children")
  func grandchildren() async throws {
    try await withTemporaryFolder { folder in
      let place = folder.appending(path: "pid").path
      let task = Task {
        try await shell("sleep 100 & echo $! > \(place).new; mv \(place).new \(place); wait").run()
      }
      while !FileManager.default.fileExists(atPath: place) { try await Task.sleep(for: .milliseconds(10)) }
      let number = try #require(pid_t(try folder.text("pid").trimmingCharacters(in: .newlines)))

      task.cancel()
      _ = try? await task.value

      // The process that adopts orphans reaps it, which may take a moment.
      for _ in 0..<200 where isRunning(number) { try await Task.sleep(for: .milliseconds(10)) }
      #expect(!isRunning(number))
    }
  }

  private func isRunning(_ process: pid_t) -> Bool {
    (try? !FolderTree.readFile("/proc/\(process)/cmdline").isEmpty) ?? false
  }
}
