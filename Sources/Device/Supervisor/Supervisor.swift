import DeviceModel
import Glibc
import LinuxSystem

/// Runs the programs of a plan: starts them when their conditions hold, restarts them according to their policy, and
/// stops them in order.
///
/// Everything happens on one thread, in turns of an ``EventLoop``. Nothing here blocks.
public final class Supervisor {
  /// Milliseconds between checks of conditions that the kernel does not report: the clock, a path.
  private static let lookInterval = 250

  let environment: SupervisorEnvironment
  let loop: EventLoop
  let programs: [SupervisedProgram]
  private let image: ImageIdentity
  private let noInput: Descriptor
  private var nextLook: EventLoop.Timer?
  var shutdown: Shutdown?

  /// Called when a program's state has changed.
  var programDidChange: () -> Void = {}

  /// Makes a supervisor, without starting programs.
  ///
  /// - Parameters:
  ///   - image: The image's identity, for the status.
  ///   - programs: The programs, in the order of starting.
  ///   - environment: The supervisor's access to the machine.
  ///   - loop: The loop in which the supervisor runs.
  /// - Throws: ``SystemError``.
  public init(
    image: ImageIdentity, programs: [ProgramPlan], environment: SupervisorEnvironment, loop: EventLoop
  ) throws(SystemError) {
    self.image = image
    self.environment = environment
    self.loop = loop
    self.programs = programs.map(SupervisedProgram.init)
    noInput = try Descriptor(opening: "/dev/null", O_RDWR)
  }

  /// The status of all programs.
  public var status: SupervisorStatus {
    SupervisorStatus(
      image: image,
      programs: programs.map { $0.status(memory: environment.controlGroups?.memory(of: $0.name)) })
  }

  /// Returns the lines of a program's output, or `nil` if the plan has no such program.
  public func output(of program: String) -> OutputRing? {
    self.program(program)?.output
  }

  func program(_ name: String) -> SupervisedProgram? {
    programs.first { $0.name == name }
  }

  /// Starts every waiting program whose conditions hold. Has to be called at first, and when a condition may have
  /// changed.
  public func startWhatCan() {
    guard shutdown == nil else { return }
    // Another program may wait for one that was just started, so repeat until no program starts.
    var didStart = true
    while didStart {
      didStart = false
      for program in programs {
        guard case .waiting = program.state else { continue }
        if let condition = program.plan.waitFor.first(where: { !holds($0) }) {
          program.state = .waiting(description(of: condition))
        } else {
          start(program)
          didStart = true
        }
      }
    }
    lookAgainIfNeeded()
    programDidChange()
  }

  private func holds(_ condition: WaitCondition) -> Bool {
    switch condition {
    case .network: environment.isNetworkUp()
    case .clock: environment.isClockSynchronised()
    case .path(let path): FileTree.exists(path)
    case .program(let name): program(name)?.isAvailable ?? false
    }
  }

  private func description(of condition: WaitCondition) -> String {
    switch condition {
    case .network: "network"
    case .clock: "clock"
    case .path(let path): path
    case .program(let name): "program \(name)"
    }
  }

  private func lookAgainIfNeeded() {
    if let nextLook { loop.cancel(nextLook) }
    let isNeeded = programs.contains { program in
      guard case .waiting = program.state else { return false }
      return program.plan.waitFor.contains { condition in
        switch condition {
        case .clock, .path: !holds(condition)
        case .network, .program: false
        }
      }
    }
    nextLook = isNeeded ? loop.after(Self.lookInterval) { [weak self] in self?.startWhatCan() } : nil
  }

  private func start(_ program: SupervisedProgram) {
    do {
      let terminal = try environment.terminals[program.name].map { try Descriptor(opening: $0, O_RDWR | O_NOCTTY) }
      let output = try Pipe()
      let error = try Pipe()
      let pid = try ProgramStart(plan: program.plan, environment: environment).run(
        input: terminal ?? noInput, output: terminal ?? output.writing, error: terminal ?? error.writing)
      let exit = try ChildProcess.exitDescriptor(of: pid)
      program.run = SupervisedProgram.Run(
        pid: pid, start: EventLoop.now,
        readers: [
          try reader(of: output, .output, program), try reader(of: error, .error, program),
        ],
        exit: exit)
      try loop.watch(exit) { [weak self] in self?.reap() }
      program.state = .running
      environment.note("\(program.name): started, process \(pid)")
    } catch {
      program.lastEnd = "\(error)"
      followEnd(of: program, reason: "\(error)", succeeded: false, duration: 0)
    }
  }

  private func reader(
    of pipe: Pipe, _ stream: LogLine.Stream, _ program: SupervisedProgram
  ) throws(SystemError) -> OutputReader {
    try OutputReader(pipe.reading, loop: loop) { [weak program] in
      program?.output.append($0, from: stream, at: Clock.milliseconds)
    }
  }

  /// Handles all processes that have ended.
  public func reap() {
    for program in programs {
      if let run = program.run, let (_, end) = ChildProcess.reap(run.pid) { didEnd(program, run, end) }
    }
    guard environment.reapsOrphans else { return }
    while let (pid, end) = ChildProcess.reap(-1) {
      // A program may have ended after its own process ID was checked above.
      for program in programs {
        if let run = program.run, run.pid == pid { didEnd(program, run, end) }
      }
    }
  }

  private func didEnd(_ program: SupervisedProgram, _ run: SupervisedProgram.Run, _ end: ProcessEnd) {
    loop.forget(run.exit)
    if let deadline = run.deadline { loop.cancel(deadline) }
    // Processes that the program left behind would interfere with the next run.
    killAll(of: program, run)
    for reader in run.readers { reader.finish() }
    program.run = nil
    program.lastEnd = "\(end)"
    let duration = Int(EventLoop.now - run.start)
    program.hasSucceeded = end == .exited(0)

    switch program.state {
    case .stopping(.stay):
      program.state = .stopped
      environment.note("\(program.name): stopped, \(end)")
    case .stopping(.startAgain):
      environment.note("\(program.name): stopped, \(end)")
      program.state = .waiting(nil)
    default:
      followEnd(of: program, reason: "ended, \(end)", succeeded: end == .exited(0), duration: duration)
    }
    startWhatCan()
    shutdown?.proceed()
    programDidChange()
  }

  private func followEnd(of program: SupervisedProgram, reason: String, succeeded: Bool, duration: Int) {
    guard shutdown == nil, let delay = program.backOff.delay(succeeded: succeeded, duration: duration) else {
      program.state = .ended
      environment.note("\(program.name): \(reason)")
      return
    }
    environment.note("\(program.name): \(reason); starting again in \(delay) ms")
    program.state = .restarting(
      loop.after(delay) { [weak self, weak program] in
        guard let self, let program else { return }
        program.restarts += 1
        program.state = .waiting(nil)
        self.startWhatCan()
      })
  }

  /// Kills every process of a program.
  func killAll(of program: SupervisedProgram, _ run: SupervisedProgram.Run) {
    if let groups = environment.controlGroups {
      groups.killAll(of: program.name)
    }
    Glibc.kill(-run.pid, SIGKILL)
  }
}
