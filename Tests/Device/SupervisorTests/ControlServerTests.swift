import DeviceModel
import FoundationEssentials
import Glibc
import LinuxSystem
import Testing

@testable import Supervisor

@Suite(.serialized) struct ControlServerTests {
  private let bench: Bench
  private let path: String

  init() throws {
    bench = try Bench()
    path = bench.folder.path + "/control"
  }

  private func server(_ supervisor: Supervisor, users: Set<UInt32> = [getuid()]) throws -> ControlServer {
    try ControlServer(at: path, supervisor: supervisor, allowedUsers: users, group: nil) { _ in }
  }

  private func encoded(_ request: ControlRequest) throws -> String {
    String(decoding: try JSONEncoder().encode(request), as: UTF8.self) + "\n"
  }

  @Test func `a stop is answered when the program has ended`() throws {
    let supervisor = try bench.supervisor([bench.program("deaf", "trap '' TERM; echo; while :; do sleep 0.05; done")])
    let server = try server(supervisor)
    supervisor.startWhatCan()
    #expect(bench.turn { !supervisor.lines("deaf").isEmpty })
    let conversation = try Conversation(path, bench)
    #expect(try conversation.ask(encoded(.stop(program: "deaf"))) == .done)
    #expect(supervisor.state("deaf") == .stopped)
    withExtendedLifetime(server) {}
  }

  @Test func `what is no request is refused, and the connection lives on`() throws {
    let supervisor = try bench.supervisor([bench.program("p", "true")])
    let server = try server(supervisor)
    let conversation = try Conversation(path, bench)
    #expect(try conversation.ask("{\"sing\":{}}\n") == .failure(reason: "the request cannot be read"))
    guard case .status? = try conversation.ask(encoded(.status)) else {
      Issue.record("no status")
      return
    }
    withExtendedLifetime(server) {}
  }

  @Test func `a request without an end is cut off`() throws {
    let supervisor = try bench.supervisor([bench.program("p", "true")])
    let server = try server(supervisor)
    let conversation = try Conversation(path, bench)
    #expect(try conversation.ask(String(repeating: "x", count: 3 * ControlRequest.maximumSize)) == nil)
    withExtendedLifetime(server) {}
  }

  @Test func `others than those allowed get no answer`() throws {
    let supervisor = try bench.supervisor([bench.program("p", "true")])
    let server = try server(supervisor, users: [4_000_000])
    let conversation = try Conversation(path, bench)
    #expect(try conversation.answer() == nil)
    withExtendedLifetime(server) {}
  }

  @Test func `a follower that does not read costs nothing, and learns what it missed`() throws {
    let script = "i=0; while [ $i -lt 40000 ]; do echo line $i; i=$((i+1)); done; sleep 1000"
    let supervisor = try bench.supervisor([bench.program("p", script, ringBytes: 8192)])
    let server = try server(supervisor)
    supervisor.startWhatCan()
    let conversation = try Conversation(path, bench)
    try conversation.send(encoded(.logs(program: "p", from: 0, last: nil, follow: true)))
    #expect(bench.turn(until: { supervisor.output(of: "p")?.nextSequence == 40_000 }, seconds: 30))
    var missed: UInt64 = 0
    var count: UInt64 = 0
    var last: UInt64 = 0
    while last < 39_999, case .log(let part)? = try conversation.answer() {
      missed += part.missed
      count += UInt64(part.lines.count)
      last = part.lines.last?.sequence ?? last
    }
    #expect(missed > 0)
    #expect(missed + count == 40_000)
    withExtendedLifetime(server) {}
  }

  @Test func `a log without following ends`() throws {
    let supervisor = try bench.supervisor([bench.program("p", "echo a; echo b; echo c")])
    let server = try server(supervisor)
    supervisor.startWhatCan()
    #expect(bench.turn { supervisor.state("p") == .ended })
    let conversation = try Conversation(path, bench)
    guard case .log(let part)? = try conversation.ask(encoded(.logs(program: "p", from: nil, last: 2, follow: false)))
    else {
      Issue.record("no log")
      return
    }
    #expect(part.lines.map(\.text) == ["b", "c"])
    #expect(try conversation.answer() == .done)
    withExtendedLifetime(server) {}
  }
}
