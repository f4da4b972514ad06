import DeviceModel
import Glibc
import LinuxSystem
import Testing

@testable import Supervisor

@Suite(.serialized) struct ShutdownTests {
  private let bench: Bench

  init() throws {
    bench = try Bench()
  }

  @Test func `what others wait for ends after them, and system programs last`() throws {
    let script = "trap 'exit 0' TERM; echo up; while :; do sleep 0.02; done"
    let supervisor = try bench.supervisor([
      bench.program("net", script, isSystem: true), bench.program("base", script),
      bench.program("user", script, waitFor: [.program("base")]),
    ])
    supervisor.startWhatCan()
    #expect(bench.turn { supervisor.programs.allSatisfy { !supervisor.lines($0.name).isEmpty } })
    var isOver = false
    supervisor.shutDown(timeout: 10) { isOver = true }
    #expect(bench.turn { isOver })
    let order = bench.notes.filter { $0.contains(": stopped") }.compactMap { $0.split(separator: ":").first }
    #expect(order == ["user", "base", "net"])
  }

  @Test func `the time for all is bounded, whatever the programs' own`() throws {
    let supervisor = try bench.supervisor([
      bench.program("deaf", "trap '' TERM; while :; do sleep 0.1; done", stop: StopPlan(signal: 15, grace: 60_000))
    ])
    supervisor.startWhatCan()
    var isOver = false
    supervisor.shutDown(timeout: 1) { isOver = true }
    #expect(bench.turn(until: { isOver }, seconds: 5))
  }

  @Test func `a second request makes it happen at once`() throws {
    let supervisor = try bench.supervisor([
      bench.program("deaf", "trap '' TERM; while :; do sleep 0.1; done", stop: StopPlan(signal: 15, grace: 60_000))
    ])
    supervisor.startWhatCan()
    var completions = 0
    supervisor.shutDown(timeout: 60) { completions += 1 }
    #expect(completions == 0)
    supervisor.shutDown(timeout: 60) { completions += 1 }
    #expect(completions == 1)
  }

  @Test func `nothing is started any more`() throws {
    let supervisor = try bench.supervisor([
      bench.program("again", "exit 1", restart: .init(condition: .always, initialDelay: 50)),
      bench.program("later", "echo 1", waitFor: [.path(bench.folder.path + "/flag")]),
    ])
    supervisor.startWhatCan()
    #expect(bench.turn { supervisor.state("again") == .restarting })
    var isOver = false
    supervisor.shutDown(timeout: 5) { isOver = true }
    #expect(isOver)
    #expect(supervisor.state("again") == .stopped)
    #expect(throws: Supervisor.Refusal.shuttingDown) { try supervisor.start("later") }
  }
}
