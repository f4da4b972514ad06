import DeviceModel
import Foundation
import TestFixtures
import Testing

@testable import UpdateEngine

@Suite("Health of a release")
struct HealthTests {
  /// Runs the gate on a fake clock that advances a second for each check. Returns the verdict and the reports.
  private func run(
    duration: Int, timeout: Int, _ problems: @escaping (Int) -> [String],
    goesOn: @escaping (Int) -> Bool = { _ in true }
  ) -> (HealthGate.Verdict, [HealthReport]) {
    var time: UInt64 = 5000
    var reports: [HealthReport] = []
    let gate = HealthGate(
      plan: HealthPlan(duration: duration, timeout: timeout), problems: { problems(Int(time - 5000) / 1000) },
      now: { time }, pause: { time += $0 },
      report: {
        reports.append($0)
        return goesOn(reports.count)
      })
    return (gate.run(), reports)
  }

  @Test("A release is healthy once it had no problems for the whole duration")
  func well() {
    let (verdict, reports) = run(duration: 5, timeout: 60) { $0 < 3 ? ["web starts"] : [] }
    #expect(verdict == .well)
    #expect(reports.last == HealthReport(problems: [], wellFor: 5, duration: 5, remaining: 52))
    #expect(reports.count == 9)
  }

  @Test("A problem that comes back restarts the duration, and late problems count")
  func relapse() {
    let (verdict, reports) = run(duration: 10, timeout: 25) { $0 == 9 || $0 >= 18 ? ["late"] : [] }
    #expect(verdict == .givenUp(["late"]))
    #expect(reports.map(\.wellFor).max() == 8)
  }

  @Test("A release that is never healthy for long enough is given up with its last problem")
  func flapping() {
    let (verdict, _) = run(duration: 10, timeout: 25) { $0 % 6 == 5 ? ["web does not keep running"] : [] }
    #expect(verdict == .givenUp(["it was not healthy for 10 s without interruption: web does not keep running"]))
    #expect(
      run(duration: 30, timeout: 25) { _ in [] }.0 == .givenUp(["it was not healthy for 30 s without interruption"]))
  }

  @Test("A restart between two checks is a problem, even if the program runs at each check")
  func restarts() {
    let watch = RestartWatch()
    #expect(watch.problems(["web": 3]) == [], "the start's own troubles")
    #expect(watch.problems(["web": 3]) == [])
    #expect(watch.problems(["web": 4]) == ["web ended and was restarted, 4 times so far"])
    #expect(
      watch.problems(["ssh.service": 1, "web": 17]) == [
        "ssh.service ended and was restarted, 1 time so far",
        "web ended and was restarted, 17 times so far",
      ])
    // Stopped and started by hand: the count starts again.
    #expect(watch.problems(["ssh.service": 1]) == [])
    #expect(watch.problems(["ssh.service": 1, "web": 1]) == ["web ended and was restarted, 1 time so far"])
  }

  @Test("The watch ends if the trial is decided elsewhere")
  func over() {
    #expect(run(duration: 5, timeout: 60, { _ in [] }, goesOn: { $0 < 3 }).0 == .over)
  }

  @Test("Programs that run, were stopped or ended with success are healthy; others are problems, with their names")
  func programs() {
    func status(_ state: ProgramStatus.State, lastEnd: String? = nil) -> ProgramStatus {
      ProgramStatus(
        name: "web", isSystem: false, state: state, pid: nil, runningFor: nil, restarts: 0, lastEnd: lastEnd,
        waitingFor: "network", memory: nil)
    }
    #expect(HealthCheck.problem(status(.running)) == nil)
    #expect(HealthCheck.problem(status(.ended, lastEnd: "status 0")) == nil)
    #expect(HealthCheck.problem(status(.ended, lastEnd: "status 7")) == "web ended: status 7")
    #expect(HealthCheck.problem(status(.waiting)) == "web waits for network")
    #expect(
      HealthCheck.problem(status(.restarting, lastEnd: "signal KILL")) == "web does not keep running: signal KILL")

    func system(_ state: String, _ failed: [String] = []) -> [String] {
      HealthCheck.problems(of: SystemState(state: state, failedUnits: failed))
    }
    #expect(system("running") == [])
    #expect(system("starting") == ["systemd is starting"])
    #expect(system("") == ["systemd does not answer"])
    #expect(system("degraded", ["a.service"]) == ["a.service has failed"])
  }

  @Test("Scripts of the health folders run with a time limit, and their problems are reported")
  func scripts() async throws {
    try await withTemporaryFolder { folder in
      for (name, script) in ["10-good": "exit 0", "20-bad": "echo no disk >&2; exit 4", "30-slow": "sleep 30"] {
        try folder.writing("#!/bin/sh\n\(script)\n", to: name, mode: 0o755)
      }
      try folder.writing("not a script", to: "README")
      var check = HealthCheck(HealthPlan())
      check.folders = [folder.path]
      check.scriptTimeout = 1
      #expect(check.problems() == ["20-bad: no disk (status 4)", "30-slow: it did not end within 1 seconds"])
    }
  }

  @Test("The wanted text is looked for in the body of an answer, also in one of several chunks, and not in its head")
  func bodies() throws {
    func problem(
      _ answer: String, _ more: [ScriptedServer.Step] = [.close], contains wanted: String? = "all is well"
    ) -> String? {
      let server = ScriptedServer { _, _ in [.text(answer)] + more }
      let kind = HealthCheckPlan.Kind.http(
        address: "127.0.0.1", port: Int(server.port), path: "/", contains: wanted)
      return HealthCheck(HealthPlan(checks: [HealthCheckPlan(name: "it", kind: kind, timeout: 1)])).problems().first
    }
    let missing = "it: the answer does not contain “all is well”"
    let head = "HTTP/1.1 200 OK\r\nX-State: all is well\r\n"
    #expect(problem(head + "Content-Length: 3\r\n\r\nbad") == missing)
    #expect(problem(head + "Content-Length: 13\r\n\r\nno, all is well") == missing, "beyond the body")
    #expect(problem(head + "Content-Length: 15\r\n\r\nyes all is well") == nil)
    #expect(problem("HTTP/1.0 200 OK\r\n\r\nyes all is well") == nil, "until the end of the connection")
    let chunks = "Transfer-Encoding: chunked\r\n\r\n5\r\nall i\r\n6\r\ns well\r\n0\r\n"
    #expect(problem("HTTP/1.1 200 OK\r\n\(chunks)\r\n") == nil)
    #expect(problem("HTTP/1.1 200 OK\r\n\(chunks)X: y\r\n\r\n") == nil, "with a trailer")
    #expect(problem("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nall") == "it: the answer ends too early")
    #expect(problem("HTTP/1.1 200 OK\r\n", [.pause(2)]) == "it: no answer within 1 seconds")
    let endless = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nall is well\r\n"
    #expect(problem(endless, [.pause(2)]) == nil, "the text, in a page without an end")
    #expect(problem(endless, [.pause(2)], contains: nil) == nil, "no text, in a page without an end")
    #expect(problem("HTTP/1.1 500 No\r\nContent-Length: 11\r\n\r\nall is well") == "it: the answer is 500")
  }

  @Test("Ports, pages, files and commands are checked, and each problem is reported")
  func declared() async throws {
    let folder = try TemporaryFolder()
    let server = try LoopbackServer(in: URL(fileURLWithPath: folder.path))
    try server.site.writing("all is well", to: "good")
    let port = try #require(server.url.split(separator: ":").last.flatMap { Int($0) })
    func problem(_ kind: HealthCheckPlan.Kind) -> String? {
      HealthCheck(HealthPlan(checks: [HealthCheckPlan(name: "it", kind: kind, timeout: 2)])).problems().first
    }
    #expect(problem(.tcp(address: "127.0.0.1", port: port)) == nil)
    #expect(problem(.tcp(address: "127.0.0.1", port: 1)) == "it: nothing accepts connections on port 1")
    #expect(problem(.http(address: "127.0.0.1", port: port, path: "/good", contains: "well")) == nil)
    #expect(problem(.http(address: "127.0.0.1", port: port, path: "/good", contains: "ill"))?.contains("“ill”") == true)
    #expect(problem(.http(address: "127.0.0.1", port: port, path: "/bad", contains: nil))?.contains("404") == true)
    #expect(problem(.file(path: "/etc/passwd")) == nil)
    #expect(problem(.file(path: "/nothing")) == "it: /nothing does not exist")
    #expect(problem(.command(["/bin/true"])) == nil)
    #expect(problem(.command(["/bin/sh", "-c", "exit 9"])) == "it: it ended with status 9")
    #expect(problem(.command(["/nothing"]))?.contains("cannot start /nothing") == true)
  }
}
