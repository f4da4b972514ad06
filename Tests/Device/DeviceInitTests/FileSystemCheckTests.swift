import LinuxSystem
import Testing

@testable import DeviceInit

@Suite struct FileSystemCheckTests {
  /// Runs a check whose `e2fsck` ends with the given statuses in turn.
  private func check(_ statuses: [Int]) -> (outcome: FileSystemCheck.Outcome, arguments: [[String]]) {
    var arguments: [[String]] = []
    var check = FileSystemCheck()
    check.run = { words in
      defer { arguments.append(words) }
      return (.exited(statuses[arguments.count]), [])
    }
    return (check.check("/dev/x").outcome, arguments)
  }

  @Test func `a clean file system is looked at once`() {
    let (outcome, arguments) = check([0])
    #expect(outcome == .clean)
    #expect(arguments == [["-p", "/dev/x"]])
  }

  @Test func `what the safe repair leaves, the full one gets`() {
    let (outcome, arguments) = check([4, 1])
    #expect(outcome == .corrected)
    #expect(arguments == [["-p", "/dev/x"], ["-f", "-y", "/dev/x"]])
  }

  @Test func `a full repair that wants to be run again is`() {
    let (outcome, arguments) = check([8, 12, 1])
    #expect(outcome == .corrected)
    #expect(arguments.count == 3)
  }

  @Test func `errors that stay are a failure`() {
    #expect(check([4, 12, 4, 4]).outcome == .failed("e2fsck ended with status 4"))
  }
}
