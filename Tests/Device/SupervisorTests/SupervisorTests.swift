import DeviceModel
import Glibc
import LinuxSystem
import Testing

@testable import Supervisor

@Suite(.serialized) struct SupervisorTests {
  private let bench: Bench

  init() throws {
    bench = try Bench()
  }

  @Test func `output of both streams is kept in lines, also over a restart of the program`() throws {
    let supervisor = try bench.supervisor([
      bench.program("talk", "echo out; echo err >&2; printf rest", restart: .init(condition: .always, initialDelay: 1))
    ])
    supervisor.startWhatCan()
    #expect(bench.turn { supervisor.lines("talk").count >= 6 })
    let lines = try #require(supervisor.output(of: "talk")).lines(from: 0, byteLimit: .max).lines
    #expect(lines.map(\.sequence).prefix(6) == [0, 1, 2, 3, 4, 5])
    #expect(Set(lines.prefix(3).map(\.text)) == ["out", "err", "rest"])
    #expect(lines.first { $0.text == "err" }?.stream == .error)
  }

  @Test func `a program gets its home, its environment and its name's variables`() throws {
    var plan = bench.program("env", "echo $HOME $A $USER; pwd")
    plan.environment = ["A": "1"]
    let supervisor = try bench.supervisor([plan])
    supervisor.startWhatCan()
    #expect(bench.turn { supervisor.state("env") == .ended })
    #expect(supervisor.lines("env") == ["\(plan.home) 1 root", plan.home])
  }

  @Test func `pauses double up to the longest, and start anew after a good run`() {
    var backOff = BackOff(RestartPolicy(condition: .always, initialDelay: 100, maximumDelay: 350, resetAfter: 1000))
    #expect((0..<4).map { _ in backOff.delay(succeeded: false, duration: 0) } == [100, 200, 350, 350])
    #expect(backOff.delay(succeeded: false, duration: 1000) == 100)
  }

  @Test func `on-failure leaves a program that succeeded, and starts one that did not`() throws {
    let policy = RestartPolicy(condition: .onFailure, initialDelay: 1)
    let supervisor = try bench.supervisor([
      bench.program("good", "exit 0", restart: policy), bench.program("bad", "exit 3", restart: policy),
      bench.program("killed", "kill -SEGV $$", restart: policy), bench.program("once", "exit 3"),
    ])
    supervisor.startWhatCan()
    #expect(
      bench.turn {
        supervisor.status.programs.allSatisfy {
          ["good", "once"].contains($0.name) ? $0.state == .ended : $0.restarts >= 2
        }
      })
    #expect(supervisor.status.programs.map(\.lastEnd) == ["status 0", "status 3", "signal SEGV", "status 3"])
  }

  @Test func `a program that ignores the stop signal is killed after its grace, with what it started`() throws {
    let script = "trap '' TERM; sleep 1000 & echo $!; while :; do sleep 0.1; done"
    let supervisor = try bench.supervisor([bench.program("deaf", script)])
    supervisor.startWhatCan()
    #expect(bench.turn { !supervisor.lines("deaf").isEmpty })
    let child = try #require(supervisor.lines("deaf").first.flatMap { pid_t($0) })
    try supervisor.stop("deaf")
    #expect(supervisor.state("deaf") == .stopping)
    #expect(bench.turn { supervisor.state("deaf") == .stopped })
    #expect(supervisor.status.programs.first?.lastEnd == "signal KILL")
    // A zombie counts as killed: it depends on its current parent when it is reaped.
    #expect(bench.turn { (FileTree.line("/proc/\(child)/stat")?.contains(") Z ")) ?? true })
  }

  @Test func `conditions are waited for: a path, another program, the network, the clock`() throws {
    let path = bench.folder.path + "/flag"
    var isUp = false
    let supervisor = try bench.supervisor([
      bench.program("path", "echo 1", waitFor: [.path(path)]),
      bench.program("after", "echo 1", waitFor: [.program("path")]),
      bench.program("net", "echo 1", waitFor: [.network, .clock]),
    ]) {
      $0.isNetworkUp = { isUp }
      $0.isClockSynchronised = { isUp }
    }
    supervisor.startWhatCan()
    #expect(supervisor.status.programs.map(\.waitingFor) == [path, "program path", "network"])
    try FileTree.replace(path, with: [])
    #expect(bench.turn { supervisor.state("after") == .ended })
    #expect(supervisor.state("net") == .waiting)
    isUp = true
    supervisor.startWhatCan()
    #expect(bench.turn { supervisor.state("net") == .ended })
  }

  @Test func `a program that cannot be started says why and is tried again`() throws {
    var plan = bench.program("absent", "", restart: .init(condition: .onFailure, initialDelay: 1))
    plan.executable = "/no/such/program"
    let supervisor = try bench.supervisor([plan])
    supervisor.startWhatCan()
    #expect(bench.turn { supervisor.status.programs[0].restarts >= 2 })
    #expect(supervisor.status.programs[0].lastEnd?.contains("No such file or directory") == true)
  }

  @Test func `a stopped program stays so until it is started`() throws {
    let supervisor = try bench.supervisor([
      bench.program("p", "sleep 1000", restart: .init(condition: .always, initialDelay: 1))
    ])
    supervisor.startWhatCan()
    try supervisor.stop("p")
    #expect(bench.turn { supervisor.state("p") == .stopped })
    _ = bench.turn(until: { false }, seconds: 0)
    #expect(supervisor.state("p") == .stopped)
    try supervisor.start("p")
    #expect(supervisor.state("p") == .running)
    let pid = supervisor.status.programs[0].pid
    try supervisor.restart("p")
    #expect(bench.turn { supervisor.state("p") == .running && supervisor.status.programs[0].pid != pid })
  }

  @Test func `unknown programs are refused with the names there are`() throws {
    let supervisor = try bench.supervisor([bench.program("one", "")])
    let refusal = #expect(throws: Supervisor.Refusal.self) { try supervisor.stop("two") }
    #expect(refusal?.description == "there is no program “two”; the programs are: one")
    #expect(throws: Supervisor.Refusal.notRunning("one")) { try supervisor.kill("one", signal: 1) }
  }

  @Test func `a flood of output keeps nobody else waiting, and memory bounded`() throws {
    let supervisor = try bench.supervisor([
      bench.program("flood", "exec yes", ringBytes: 4096), bench.program("calm", "sleep 0.3; echo here"),
    ])
    supervisor.startWhatCan()
    #expect(bench.turn { supervisor.lines("calm") == ["here"] })
    let ring = try #require(supervisor.output(of: "flood"))
    #expect(ring.nextSequence > 1000)
    #expect(ring.nextSequence - ring.firstSequence < 64)
    // 32 KiB in 20 ms are at most 1.6 MB/s. `yes` alone writes a thousand times as much.
    #expect(ring.nextSequence < 3_000_000)
  }
}
