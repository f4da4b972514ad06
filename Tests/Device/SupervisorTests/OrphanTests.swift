import DeviceModel
import Glibc
import LinuxSystem
import Testing

@testable import Supervisor

@Suite struct OrphanTests {
  /// Runs in a separate process, as it reaps every child, including those of other tests.
  @Test func `orphans of programs are collected`() async {
    await #expect(processExitsWith: .success) {
      try ChildProcess.adoptOrphans()
      let bench = try Bench()
      let script = "sh -c 'sleep 0.1 & echo $!'; exec sleep 1000"
      let supervisor = try bench.supervisor([bench.program("p", script)]) { $0.reapsOrphans = true }
      supervisor.startWhatCan()
      try #require(bench.turn { !supervisor.lines("p").isEmpty })
      let orphan = try #require(supervisor.lines("p").first.flatMap { pid_t($0) })
      let isCollected = bench.turn {
        supervisor.reap()
        return kill(orphan, 0) < 0 && errno == ESRCH
      }
      try #require(isCollected)
      try #require(supervisor.state("p") == .running)
    }
  }
}
