@testable import DeviceControl
import DeviceModel
import Testing

@Suite struct ControlCommandTests {
  @Test func `commands are read with their options in any place`() throws {
    #expect(try ControlCommand(["status"]) == .status(json: false))
    #expect(try ControlCommand(["status", "--json"]) == .status(json: true))
    #expect(try ControlCommand(["logs", "-n", "5", "web", "-f"]) == .logs(program: "web", last: 5, follow: true))
    #expect(try ControlCommand(["kill", "web"]) == .kill(program: "web", signal: 15))
    #expect(try ControlCommand(["kill", "web", "SIGHUP"]) == .kill(program: "web", signal: 1))
    #expect(try ControlCommand(["kill", "web", "9"]) == .kill(program: "web", signal: 9))
    #expect(try ControlCommand(["api"]) == .api)
    #expect(
      try ControlCommand(["update", "install", "--server-certificate", "00", "--reboot", "no", "https://h/b"])
        == .update(.install(source: "https://h/b", .init(restart: .no), serverCertificate: "00")))
  }

  @Test func `a downgrade is asked for by name`() throws {
    #expect(
      try ControlCommand(["update", "install", "x", "--allow-downgrade"])
        == .update(.install(source: "x", .init(allowDowngrade: true))))
  }

  @Test(arguments: [
    ([], "a command is missing"), (["dance"], "there is no command “dance”"),
    (["logs"], "“logs” needs the name of a program"), (["logs", "web", "-n"], "“-n” needs a number"),
    (["logs", "web", "-n", "-3"], "“-n” needs a number"), (["stop", "a", "b"], "“stop” does not take “b”"),
    (["kill", "a", "LOUD"], "there is no signal “LOUD”"), (["status", "--jsn"], "“status” does not take “--jsn”"),
  ])
  func `mistakes are named`(arguments: [String], message: String) {
    let error = #expect(throws: ControlCommand.UsageError.self) { try ControlCommand(arguments) }
    #expect(error?.description == message)
  }

  @Test func `the table lines up and has a note where there is something to say`() {
    let image = ImageIdentity(project: "p", image: "i", deviceClass: "d", version: "1", build: "b")
    let table = StatusTable.text(
      SupervisorStatus(
        image: image,
        programs: [
          ProgramStatus(
            name: "web", isSystem: false, state: .running, pid: 71, runningFor: 3700, restarts: 2,
            lastEnd: "signal KILL", waitingFor: nil, memory: 3 << 20),
          ProgramStatus(
            name: "ntp", isSystem: true, state: .waiting, pid: nil, runningFor: nil, restarts: 0, lastEnd: nil,
            waitingFor: "network", memory: nil),
        ]))
    #expect(
      table == """
        PROGRAM  STATE    PID  FOR   RESTARTS  MEMORY  NOTE
        web      running  71   1h1m  2         3 MiB   last: signal KILL
        ntp      waiting  -    -     0         -       waits for network

        """)
  }
}
