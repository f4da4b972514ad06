import Glibc
import Synchronization

/// Work on a separate thread, whose result can be awaited.
///
/// The thread is a plain one, because PID 1 has no use for a permanent thread pool.
public final class Background<Result: Sendable> {
  private let outcome: Outcome<Result>
  private var thread: pthread_t?

  /// Starts the work. If no thread can be created, the work runs before this initializer returns.
  public init(_ body: @escaping @Sendable () -> Result) {
    let outcome = Outcome<Result>()
    self.outcome = outcome
    thread = startThread(ThreadBody { outcome.set(body()) })
  }

  /// Waits for the result. Can be called more than once.
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

/// Starts a thread; returns `nil` if none can be created, after running the body on the calling thread.
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
