import DeviceModel
import LinuxSystem

/// The orderly shutdown of all programs.
///
/// A program is asked to end once all programs that wait for it have ended, and a system program once all programs of
/// the user have ended. So the network and the log stay as long as they are needed. When the time is over, the
/// remaining programs are killed.
public final class Shutdown {
  private unowned let supervisor: Supervisor
  private let completion: () -> Void
  private var isCompleted = false

  fileprivate init(_ supervisor: Supervisor, timeout: Int, completion: @escaping () -> Void) {
    self.supervisor = supervisor
    self.completion = completion
    supervisor.loop.after(timeout * 1000) { [weak self] in self?.force() }
  }

  /// Asks the programs to end that no other program needs. Completes when none is left.
  func proceed() {
    let active = supervisor.programs.filter { $0.run != nil }
    if active.isEmpty {
      complete()
      return
    }
    for program in active.reversed() where !isNeeded(program, by: active) {
      if case .running = program.state { supervisor.stop(program, after: .stay) }
    }
  }

  private func isNeeded(_ program: SupervisedProgram, by active: [SupervisedProgram]) -> Bool {
    active.contains { other in
      other !== program
        && (other.plan.waitFor.contains(.program(program.name)) || (program.plan.isSystem && !other.plan.isSystem))
    }
  }

  /// Kills the remaining programs and completes.
  func force() {
    for program in supervisor.programs {
      if let run = program.run { supervisor.killAll(of: program, run) }
    }
    complete()
  }

  private func complete() {
    if isCompleted { return }
    isCompleted = true
    completion()
  }
}

extension Supervisor {
  /// Stops all programs in order. A second call kills them at once.
  ///
  /// - Parameters:
  ///   - timeout: Seconds until the remaining programs are killed.
  ///   - completion: Called once, when no program is left or the time is over.
  public func shutDown(timeout: Int, completion: @escaping () -> Void) {
    if let shutdown {
      shutdown.force()
      return
    }
    let shutdown = Shutdown(self, timeout: timeout, completion: completion)
    self.shutdown = shutdown
    for program in programs {
      switch program.state {
      case .waiting: program.state = .stopped
      case .restarting(let timer):
        loop.cancel(timer)
        program.state = .stopped
      case .running, .stopping, .ended, .stopped: break
      }
    }
    shutdown.proceed()
  }
}
