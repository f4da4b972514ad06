import DeviceModel
import Glibc
import LinuxSystem

/// Requests to the supervisor about one program.
extension Supervisor {
  /// The reason why a request is refused.
  public enum Refusal: Error, Equatable, CustomStringConvertible {
    /// The plan has no such program.
    case unknownProgram(String, known: [String])
    case notRunning(String)
    case signalNotSent(String)
    /// The device is shutting down.
    case shuttingDown

    /// The reason as a sentence.
    public var description: String {
      switch self {
      case .unknownProgram(let name, let known):
        "there is no program “\(name)”; the programs are: \(known.joined(separator: ", "))"
      case .notRunning(let name): "“\(name)” is not running"
      case .signalNotSent(let reason): reason
      case .shuttingDown: "the device is shutting down"
      }
    }
  }

  func known(_ name: String) throws(Refusal) -> SupervisedProgram {
    guard let program = program(name) else { throw .unknownProgram(name, known: programs.map(\.name)) }
    return program
  }

  /// Starts a program that does not run, once its conditions hold. Does nothing if it runs.
  public func start(_ name: String) throws(Refusal) {
    let program = try known(name)
    if shutdown != nil { throw .shuttingDown }
    switch program.state {
    case .running, .waiting: return
    case .stopping: program.state = .stopping(.startAgain)
    case .restarting(let timer):
      loop.cancel(timer)
      program.state = .waiting(nil)
    case .ended, .stopped: program.state = .waiting(nil)
    }
    startWhatCan()
  }

  /// Asks a program to end, and does not start it again.
  public func stop(_ name: String) throws(Refusal) {
    stop(try known(name), after: .stay)
  }

  /// Asks a program to end, and starts it again afterwards.
  public func restart(_ name: String) throws(Refusal) {
    let program = try known(name)
    if shutdown != nil { throw .shuttingDown }
    if program.run == nil {
      try start(name)
    } else {
      stop(program, after: .startAgain)
    }
  }

  /// Sends a signal to a program's main process.
  public func kill(_ name: String, signal: Int32) throws(Refusal) {
    guard let run = try known(name).run else { throw .notRunning(name) }
    guard (1...64).contains(signal), Glibc.kill(run.pid, signal) == 0 else {
      throw .signalNotSent("signal \(signal) cannot be sent to “\(name)”")
    }
  }

  /// Returns true if a program has reached the state that a request asked for: ended after a stop, running or waiting
  /// after a restart.
  func isSettled(_ name: String) -> Bool {
    guard let program = program(name), case .stopping = program.state else { return true }
    return false
  }

  func stop(_ program: SupervisedProgram, after: SupervisedProgram.AfterStop) {
    defer { programDidChange() }
    if case .restarting(let timer) = program.state { loop.cancel(timer) }
    guard let run = program.run else {
      program.state = .stopped
      return
    }
    if case .stopping = program.state {
      program.state = .stopping(after)
      return
    }
    program.state = .stopping(after)
    Glibc.kill(run.pid, program.plan.stop.signal)
    // A stopped process could not handle the signal.
    Glibc.kill(run.pid, SIGCONT)
    program.run?.deadline = loop.after(program.plan.stop.grace) { [weak self, weak program] in
      guard let self, let program, let run = program.run else { return }
      self.environment.note("\(program.name): did not end within \(program.plan.stop.grace) ms, killing it")
      self.killAll(of: program, run)
    }
  }
}
