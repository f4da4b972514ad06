import DeviceModel
import Glibc
import LinuxSystem

@testable import Supervisor
import TestFixtures

/// A supervisor with real programs, on an event loop that the test runs.
final class Bench {
  let folder: TemporaryFolder
  let loop: EventLoop
  private(set) var notes: [String] = []
  private var made: Supervisor?

  init() throws {
    folder = try TemporaryFolder()
    loop = try EventLoop()
  }

  deinit {
    for program in made?.programs ?? [] {
      if let run = program.run { made?.killAll(of: program, run) }
    }
  }

  /// Makes a supervisor of the programs. `change` can modify its environment.
  func supervisor(
    _ programs: [ProgramPlan], _ change: (inout SupervisorEnvironment) -> Void = { _ in }
  ) throws -> Supervisor {
    var environment = SupervisorEnvironment { [weak self] in self?.notes.append($0) }
    environment.changesUsers = false
    change(&environment)
    let image = ImageIdentity(project: "p", image: "i", deviceClass: "d", version: "1", build: "b")
    let supervisor = try Supervisor(image: image, programs: programs, environment: environment, loop: loop)
    made = supervisor
    return supervisor
  }

  /// Returns the plan of a program that is a shell script.
  func program(
    _ name: String, _ script: String, restart: RestartPolicy = RestartPolicy(condition: .never),
    waitFor: [WaitCondition] = [], stop: StopPlan = StopPlan(signal: 15, grace: 200), isSystem: Bool = false,
    limits: ProgramLimits = ProgramLimits(), ringBytes: Int = 65_536
  ) -> ProgramPlan {
    ProgramPlan(
      name: name, isSystem: isSystem, executable: "/bin/sh", arguments: ["-c", script], environment: [:],
      user: .root, home: folder.path + "/" + name, restart: restart, waitFor: waitFor, stop: stop, limits: limits,
      capabilities: [], privateTmp: false, log: LogPlan(ringBytes: ringBytes))
  }

  /// Runs the loop until the condition holds. Returns false if it does not hold in time.
  func turn(until condition: () -> Bool, seconds: Int = 10) -> Bool {
    let end = EventLoop.now + UInt64(seconds) * 1000
    while !condition() {
      if EventLoop.now > end { return false }
      loop.turn(timeout: 20)
    }
    return true
  }
}

extension Supervisor {
  func state(_ name: String) -> ProgramStatus.State? {
    status.programs.first { $0.name == name }?.state
  }

  func lines(_ name: String) -> [String] {
    output(of: name)?.lines(from: 0, byteLimit: .max).lines.map(\.text) ?? []
  }
}
