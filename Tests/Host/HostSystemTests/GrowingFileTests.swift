import Foundation
import Testing
import TestFixtures

@testable import HostSystem

@Suite("Files that grow while they are read")
struct GrowingFileTests {
  private let folder: TemporaryFolder
  private let file: GrowingFile

  init() throws {
    folder = try TemporaryFolder()
    file = GrowingFile("\(folder.path)/archive")
  }

  private func append(_ count: Int) throws {
    let handle = try #require(FileHandle(forWritingAtPath: file.path))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data(repeating: 0x61, count: count))
    try handle.close()
  }

  private func count(_ arguments: [String] = ["-c"]) -> HostCommand {
    HostCommand(file: "wc", arguments, to: "count", input: .growing(file))
  }

  @Test("A program reads the complete file, started before or after it")
  func whole() async throws {
    let early = Task { try await count().run() }
    try await Task.sleep(for: .milliseconds(20))
    try await file.write {
      for _ in 0..<20 {
        try append(300_000)
        try await Task.sleep(for: .milliseconds(3))
      }
    }
    #expect(try await early.value == "6000000\n")
    #expect(try await count().run() == "6000000\n")
    #expect(
      try await HostCommand(file: "wc", ["-c"], to: "count", input: .growing(.init(complete: file.path))).run()
        == "6000000\n"
    )
  }

  @Test("An incomplete file is an error for its readers, with the writer's reason")
  func broken() async throws {
    let reader = Task { try await count().run() }
    let strict = Task {
      try await HostCommand(file: "sh", ["-c", "cat; exit 1"], to: "read", input: .growing(file)).run()
    }
    let failure = FileFailure("write", file.path, reason: "the disk is full")
    await #expect(throws: FileFailure.self) {
      try await file.write {
        try append(100)
        throw failure
      }
    }
    await #expect(throws: FileFailure.self) { try await reader.value }
    await #expect(throws: FileFailure.self) { try await strict.value }
    await #expect(throws: FileFailure.self) { try await file.complete() }
  }

  @Test("A missing file is an error", .timeLimit(.minutes(10)))
  func missing() async throws {
    await #expect(throws: FileFailure.self) {
      try await HostCommand(file: "wc", ["-c"], to: "count", input: .growing(.init(complete: "\(folder.path)/none")))
        .run()
    }
  }

  @Test("A program can end before it has read everything, and its own error is reported")
  func enough() async throws {
    let reader = Task { try await HostCommand(file: "head", ["-c", "10"], to: "look", input: .growing(file)).run() }
    try await file.write { for _ in 0..<30 { try append(1 << 20) } }
    #expect(try await reader.value == "aaaaaaaaaa")
    await #expect(throws: CommandFailure.self) {
      try await HostCommand(file: "false", [], to: "fail", input: .growing(file)).run()
    }
  }
}
