import Emulator
import Foundation
import HostSystem
import Testing

extension Machines {
  /// Misbehaving programs in a machine with real control groups and users.
  @Suite
  struct SupervisionTests {
    private struct Status: Decodable {
      struct Program: Decodable {
        var name: String
        var state: String
        var pid: Int?
        var restarts: Int
        var lastEnd: String?
      }
      var programs: [Program]
    }

    @Test("Each program gets its rights and limits and ends as it should, and none harms another")
    func zoo() async throws {
      let image = try await BootFixture.shared.image("zoo", Appliances.zoo, scripts: Appliances.zooScripts)
      let disk = try await BootFixture.shared.disk(from: image)
      let port = VirtualMachine.freePort()
      let machine = VirtualMachine.single(
        disk: disk, firmware: .bios,
        forwards: [.init(host: port, guest: 8080)])
      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        try await expectPage("http://127.0.0.1:\(port)/count", "1\n", machine)
        try await machine.wait(for: "late: started", seconds: 60)
        // The fork bomb waits three seconds. Afterwards it has had time to reach its limit.
        try await Task.sleep(for: .seconds(12))

        let programs = try await status(machine)
        #expect(programs["web"]?.state == "running")
        #expect(programs["oneshot"]?.lastEnd == "status 0")
        #expect(programs["oneshot"]?.restarts == 0)
        #expect(programs["failing-once"]?.lastEnd == "status 1")
        #expect(programs["failing-once"]?.restarts == 0)
        #expect((1...12).contains(programs["crasher"]?.restarts ?? 0), "it is restarted, with growing pauses")
        #expect(programs["low-port"]?.state == "running", "it has the capability for ports below 1024")
        #expect(programs["no-low-port"]?.state == "restarting", "it has no such capability")
        #expect(programs["hog"]?.lastEnd?.contains("KILL") == true, "it went over its memory")

        let rooted = try await machine.command("logs rooted").output
        let devices = "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero"
        #expect(rooted.contains("has \(devices)\n"), "\(rooted)")
        for line in [
          "disks are closed", "settings are closed", "hardware is closed", "records are closed", "groups are closed",
          "no nodes", "restricts 2 0",
        ] {
          #expect(rooted.contains(line), "\(rooted)")
        }
        #expect(rooted.contains("/dev/shm:\nmine") && rooted.contains("/var/tmp:\nmine"), "\(rooted)")
        let rights = try await machine.command("logs rights").output
        #expect(rights.contains("NoNewPrivs:\t1"))
        #expect(rights.contains("CapEff:\t0000000000000000"))
        #expect(rights.contains("CapBnd:\t0000000000000000"))
        #expect(rights.contains("/data/home/rights"))
        #expect(rights.contains("root is closed"))
        #expect(rights.split(separator: "\n").contains("active"), "the watchdog is armed")
        #expect(!rights.contains("\n0\n"), "it is not root")
        let crasher = try await machine.command("logs crasher").output
        #expect(crasher.components(separatedBy: "about to fail").count > 2, "output survives a restart of the program")
        let script = try await machine.command("logs script").output
        #expect(script.contains("/usr/lib/programs/script in the zoo, as script"), "a script runs by its first line")
        #expect(programs["script"]?.lastEnd == "status 7")
        let late = try await machine.command("logs late").output
        #expect(late.contains("came"))

        let mark = await machine.mark
        let stop = try await machine.command("stop stubborn", seconds: 60)
        #expect(stop.status == 0)
        try await machine.wait(for: "stubborn: stopped, signal KILL", after: mark, seconds: 30)
        #expect(try await machine.command("start nothing").status != 0, "a program that is not there is an error")

        try await machine.type("poweroff")
        try await machine.waitUntilOff(seconds: 90)
      }
      try await DiskJudge(disk).expectCleanDisk(dataMebibytes: 700...)
      let data = try await DiskJudge(disk).content(of: "data")
      let log = try await HostCommand(
        file: "debugfs", ["-R", "ls /log/kept", data.path], to: "list the kept log files"
      ).run()
      #expect(!log.contains("File not found"), "the log files are on the data partition")
    }

    @Test("A watchdog restarts a machine whose PID 1 has stopped, and the next start reports it")
    func watchdog() async throws {
      let image = try await BootFixture.shared.image("frozen", Appliances.frozen)
      let disk = try await BootFixture.shared.disk(from: image)
      let port = VirtualMachine.freePort()
      let statusPort = VirtualMachine.freePort()
      let machine = VirtualMachine.single(
        disk: disk, firmware: .bios,
        forwards: [.init(host: port, guest: 8080), .init(host: statusPort, guest: 8081)])
      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        try await machine.wait(for: "ice: frozen 1", seconds: 120)
        let mark = await machine.mark
        try await expectPage("http://127.0.0.1:\(port)/count", "1\n", machine)

        // No process in the machine can restart it any more, and the kernel works, so it does not restart either.
        let shown = try await machine.wait(for: "the watchdog restarted the machine", after: mark, seconds: 120)

        #expect(shown.contains("started from /dev/vda"))
        #expect(!shown.contains("Restarting system") && !shown.contains("Kernel panic"))
        try await expectPage("http://127.0.0.1:\(port)/count", "2\n", machine)
        let status = try await managementStatus(port: statusPort, of: machine)
        #expect(status.contains("the watchdog restarted the machine: init had not fed it in time"))
      }
    }

    /// Returns the states of the programs. The supervisor's own lines share the console and can be mixed into the
    /// answer; in that case it asks again.
    private func status(_ machine: RunningMachine) async throws -> [String: Status.Program] {
      for _ in 0..<8 {
        let output = try await machine.command("status --json").output
        guard let start = output.firstIndex(of: "{"), let end = output.lastIndex(of: "}"),
          let status = try? JSONDecoder().decode(Status.self, from: Data(output[start...end].utf8))
        else { continue }
        return Dictionary(uniqueKeysWithValues: status.programs.map { ($0.name, $0) })
      }
      throw EmulatorFailure.noControl("the status was never whole")
    }
  }
}
