import DeviceModel
import LinuxSystem

/// The orderly end of all programs.
///
/// A program is asked to end once everything that waits for it has ended, and a system program once all of the user's have: the
/// network and the log stay until nobody needs them. Whatever is left when the time is over is killed.
public final class Shutdown {
  private unowned let supervisor: Supervisor
  private let completion: () -> Void
  private var isCompleted = false

  fileprivate init(_ supervisor: Supervisor, timeout: Int, completion: @escaping () -> Void) {
    self.supervisor = supervisor
    self.completion = completion
    supervisor.loop.after(timeout * 1000) { [weak self] in self?.force() }
  }

  /// Asks those to end that nobody needs any more; completes when none is left.
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

  /// Kills what is left and completes.
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
  /// Stops everything in order; a second call makes it happen at once.
  ///
  /// - Parameters:
  ///   - timeout: seconds until what is left is killed.
  ///   - completion: is called once, when no program is left or the time is over.
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
