import DeviceModel
import Glibc
import LinuxSystem

/// One program of the plan and its current state.
final class SupervisedProgram {
  /// The action after a program that was asked to end has ended.
  enum AfterStop {
    case stay
    case startAgain
  }

  enum State {
    case waiting(String?)
    case running
    case stopping(AfterStop)
    case restarting(EventLoop.Timer)
    case ended
    case stopped
  }

  /// One process of the program, from its start to its end.
  struct Run {
    let pid: pid_t
    let start: UInt64
    let readers: [OutputReader]
    /// A descriptor that becomes readable when the process has ended.
    let exit: Descriptor
    /// Kills the process if it does not end in time.
    var deadline: EventLoop.Timer?
  }

  let plan: ProgramPlan
  var state = State.waiting(nil)
  var run: Run?
  var restarts = 0
  var lastEnd: String?
  var hasSucceeded = false
  var backOff: BackOff
  var output: OutputRing

  init(_ plan: ProgramPlan) {
    self.plan = plan
    backOff = BackOff(plan.restart)
    output = OutputRing(capacity: plan.log.ringBytes)
  }

  var name: String { plan.name }

  /// True if programs that wait for this one may start.
  var isAvailable: Bool {
    if case .running = state { return true }
    if case .ended = state { return hasSucceeded }
    return false
  }

  func status(memory: Int64?) -> ProgramStatus {
    var waitingFor: String?
    let state: ProgramStatus.State
    switch self.state {
    case .waiting(let condition):
      state = .waiting
      waitingFor = condition
    case .running: state = .running
    case .stopping: state = .stopping
    case .restarting: state = .restarting
    case .ended: state = .ended
    case .stopped: state = .stopped
    }
    return ProgramStatus(
      name: name, isSystem: plan.isSystem, state: state, pid: run?.pid,
      runningFor: run.map { Int((EventLoop.now - $0.start) / 1000) }, restarts: restarts, lastEnd: lastEnd,
      waitingFor: waitingFor, memory: run == nil ? nil : memory)
  }
}
