import DeviceModel
import DeviceRecords
import LinuxSystem
import Testing
import TestFixtures

@Suite struct DeviceRecordsTests {
  @Test func `the machine's id is made once`() throws {
    let folder = try TemporaryFolder()
    let first = try DeviceRecords(in: folder.path + "/records").machineID()
    let second = try DeviceRecords(in: folder.path + "/records").machineID()
    #expect(first == second)
    #expect(first.count == 32)
    #expect(try DeviceRecords(in: folder.path + "/other").machineID() != first)
  }

  @Test func `a damaged time counts as none`() throws {
    let folder = try TemporaryFolder()
    let records = try DeviceRecords(in: folder.path)
    #expect(records.savedTime == 0)
    try records.saveTime(1_800_000_000)
    #expect(records.savedTime == 1_800_000_000)
    try FileTree.replace(folder.path + "/clock", with: [0xFF, 0x00])
    #expect(records.savedTime == 0)
  }

  @Test func `only the newest failures are kept, and damaged lines do no harm`() throws {
    let folder = try TemporaryFolder()
    let log = FailureLog(in: folder.path)
    try FileTree.replace(folder.path + "/failures", with: Array("{ nonsense\n".utf8))
    for number in 0..<FailureLog.limit + 3 {
      try log.add(FailureRecord(time: Timestamp(number), slot: .a, message: "failure \(number)"))
    }
    #expect(log.records.count == FailureLog.limit)
    #expect(log.records.first?.time == 3)
  }
}
