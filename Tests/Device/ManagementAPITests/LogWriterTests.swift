import DeviceModel
import LinuxSystem
import Testing

@testable import ManagementAPI
import TestFixtures

@Suite struct LogWriterTests {
  @Test func `files are rotated at their size, and the oldest leaves`() throws {
    let folder = try TemporaryFolder()
    var file = try RotatedFile(folder: folder.path, name: "log", limits: LogFiles(maximumBytes: 10, keep: 2))
    for word in ["first---", "second--", "third---", "fourth--"] { try file.append(Array(word.utf8)) }
    #expect(FileTree.names(in: folder.path) == ["log", "log.1", "log.2"])
    #expect(FileTree.line(folder.path + "/log") == "fourth--")
    #expect(FileTree.line(folder.path + "/log.2") == "second--")
  }

  @Test func `a writer goes on behind what a file holds`() throws {
    let folder = try TemporaryFolder()
    let limits = LogFiles(maximumBytes: 100, keep: 1)
    for word in ["one ", "two "] {
      var file = try RotatedFile(folder: folder.path, name: "log", limits: limits)
      try file.append(Array(word.utf8))
    }
    #expect(FileTree.line(folder.path + "/log") == "one two")
  }

  @Test func `lines carry their time and where they came from, and losses are said`() {
    let part = LogPart(
      lines: [
        LogLine(sequence: 7, time: 1_800_000_000_007, stream: .output, text: "a"),
        LogLine(sequence: 8, time: 1_800_000_000_123, stream: .error, text: "b"),
      ], missed: 3)
    #expect(
      String(decoding: LogWriter.text(of: part), as: UTF8.self) == """
        3 lines were lost here
        2027-01-15T08:00:00.007Z O a
        2027-01-15T08:00:00.123Z E b

        """)
  }
}
