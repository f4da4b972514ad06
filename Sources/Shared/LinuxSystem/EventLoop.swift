import CLinuxSystem
import Glibc

/// A thread's event loop for descriptors and timers.
///
/// It is level-triggered: a handler may leave work for the next turn, so that no source blocks the others.
public final class EventLoop {
  /// A scheduled action. Keep it to be able to cancel the action.
  public struct Timer: Hashable {
    fileprivate let time: UInt64
    fileprivate let serial: UInt64
  }

  private struct Source {
    let descriptor: Descriptor
    var mask: UInt32
    let handler: () -> Void
  }

  private let epoll: Descriptor
  private var sources: [Int32: Source] = [:]
  private var timers: [(timer: Timer, action: () -> Void)] = []
  private var nextSerial: UInt64 = 0
  private var isRunning = false

  /// A function that is called at the end of each turn.
  public var afterEachTurn: () -> Void = {}

  /// Makes a loop without sources.
  ///
  /// Ignores SIGPIPE from now on: a write to a closed connection then fails with an error instead of killing the
  /// process.
  public init() throws(SystemError) {
    signal(SIGPIPE, SIG_IGN)
    epoll = Descriptor(owning: try check("make", "an event queue") { epoll_create1(O_CLOEXEC) })
  }

  /// Milliseconds since the machine started, including time in suspend.
  public static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
  }

  /// Calls `handler` in each turn in which the descriptor is readable or its other end is closed.
  public func watch(_ descriptor: Descriptor, _ handler: @escaping () -> Void) throws(SystemError) {
    let mask = EPOLLIN.rawValue
    try control(EPOLL_CTL_ADD, descriptor, mask)
    sources[descriptor.number] = Source(descriptor: descriptor, mask: mask, handler: handler)
  }

  /// Selects the events of a watched descriptor. Without both, the handler is not called until the next change.
  public func setInterest(of descriptor: Descriptor, reading: Bool, writing: Bool) {
    guard var source = sources[descriptor.number] else { return }
    let mask = (reading ? EPOLLIN.rawValue : 0) | (writing ? EPOLLOUT.rawValue : 0)
    guard mask != source.mask else { return }
    // epoll reports a closed peer for any mask, so without any interest the descriptor must leave the queue.
    if mask == 0 {
      epoll_ctl(epoll.number, EPOLL_CTL_DEL, descriptor.number, nil)
    } else {
      try? control(source.mask == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, mask)
    }
    source.mask = mask
    sources[descriptor.number] = source
  }

  /// Stops watching the descriptor.
  public func forget(_ descriptor: Descriptor) {
    guard let source = sources.removeValue(forKey: descriptor.number) else { return }
    if source.mask != 0 { epoll_ctl(epoll.number, EPOLL_CTL_DEL, descriptor.number, nil) }
  }

  /// Calls `action` once after `delay` milliseconds.
  @discardableResult
  public func after(_ delay: Int, _ action: @escaping () -> Void) -> Timer {
    nextSerial += 1
    let timer = Timer(time: Self.now + UInt64(max(0, delay)), serial: nextSerial)
    let place = timers.firstIndex { $0.timer.time > timer.time } ?? timers.endIndex
    timers.insert((timer, action), at: place)
    return timer
  }

  /// Cancels a timer.
  public func cancel(_ timer: Timer) {
    timers.removeAll { $0.timer == timer }
  }

  /// Runs turns until ``stop()``.
  public func run() {
    isRunning = true
    while isRunning { turn(timeout: nil) }
  }

  /// Ends ``run()`` after the current turn.
  public func stop() {
    isRunning = false
  }

  /// Waits for events and calls their handlers.
  ///
  /// - Parameter timeout: Maximum milliseconds to wait; `nil` for no limit.
  public func turn(timeout: Int?) {
    var events = [epoll_event](repeating: epoll_event(), count: 64)
    let count = epoll_wait(epoll.number, &events, Int32(events.count), waitTime(timeout))
    for event in events.prefix(Int(max(0, count))) {
      // An earlier handler in this turn may have removed the source.
      sources[event.data.fd]?.handler()
    }
    while let first = timers.first, first.timer.time <= Self.now {
      timers.removeFirst()
      first.action()
    }
    afterEachTurn()
  }

  private func waitTime(_ timeout: Int?) -> Int32 {
    let untilTimer = timers.first.map { $0.timer.time > Self.now ? Int(clamping: $0.timer.time - Self.now) : 0 }
    guard let shortest = [untilTimer, timeout].compactMap(\.self).min() else { return -1 }
    return Int32(clamping: shortest)
  }

  private func control(_ operation: Int32, _ descriptor: Descriptor, _ mask: UInt32) throws(SystemError) {
    var event = epoll_event(events: mask, data: epoll_data_t(fd: descriptor.number))
    try check("watch", "descriptor \(descriptor.number)") {
      epoll_ctl(epoll.number, operation, descriptor.number, &event)
    }
  }
}
