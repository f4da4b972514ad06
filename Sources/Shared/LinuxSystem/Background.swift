import Glibc
import Synchronization

/// A piece of work on a thread of its own, whose result is waited for.
///
/// A plain thread, as PID 1 has no use for a pool that stays.
public final class Background<Result: Sendable> {
  private let outcome: Outcome<Result>
  private var thread: pthread_t?

  /// Starts the work; where no thread can be had, it is done at once, before this returns.
  public init(_ body: @escaping @Sendable () -> Result) {
    let outcome = Outcome<Result>()
    self.outcome = outcome
    thread = startThread(ThreadBody { outcome.set(body()) })
  }

  /// The result, once the work is done. It may be asked for again.
  public func wait() -> Result {
    if let thread {
      pthread_join(thread, nil)
      self.thread = nil
    }
    guard let result = outcome.value else { fatalError("a thread ended without its result") }
    return result
  }

  deinit {
    if let thread { pthread_detach(thread) }
  }
}

private final class Outcome<Value: Sendable>: Sendable {
  private let stored = Mutex<Value?>(nil)

  var value: Value? { stored.withLock { $0 } }

  func set(_ value: Value) { stored.withLock { $0 = value } }
}

private final class ThreadBody: Sendable {
  let run: @Sendable () -> Void

  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// The thread; `nil` where there was none and the body ran here.
private func startThread(_ body: ThreadBody) -> pthread_t? {
  var thread = pthread_t()
  let handle = Unmanaged.passRetained(body)
  let code = pthread_create(
    &thread, nil,
    { argument in
      if let argument { Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run() }
      return nil
    }, handle.toOpaque())
  guard code == 0 else {
    handle.takeRetainedValue().run()
    return nil
  }
  return thread
}
