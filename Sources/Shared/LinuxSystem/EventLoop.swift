import CLinuxSystem
import Glibc

/// One thread's loop: descriptors that became ready and times that have come.
///
/// Level-triggered: a handler may leave work for the next turn, so that no source keeps the others waiting.
public final class EventLoop {
  /// A time that something was asked to happen at; keep it to be able to cancel.
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

  /// What is called at the end of each turn.
  public var afterEachTurn: () -> Void = {}

  /// Makes a loop without sources.
  ///
  /// From now on a write to a socket that its other side has closed is an error, and no longer the end of the process.
  public init() throws(SystemError) {
    signal(SIGPIPE, SIG_IGN)
    epoll = Descriptor(owning: try check("make", "an event queue") { epoll_create1(O_CLOEXEC) })
  }

  /// Milliseconds since the machine started, including sleep.
  public static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
  }

  /// Calls `handler` in each turn in which the descriptor can be read or its other end is gone.
  public func watch(_ descriptor: Descriptor, _ handler: @escaping () -> Void) throws(SystemError) {
    let mask = EPOLLIN.rawValue
    try control(EPOLL_CTL_ADD, descriptor, mask)
    sources[descriptor.number] = Source(descriptor: descriptor, mask: mask, handler: handler)
  }

  /// Chooses which readiness of a watched descriptor leads to a call; neither: none, until chosen anew.
  public func setInterest(of descriptor: Descriptor, reading: Bool, writing: Bool) {
    guard var source = sources[descriptor.number] else { return }
    let mask = (reading ? EPOLLIN.rawValue : 0) | (writing ? EPOLLOUT.rawValue : 0)
    guard mask != source.mask else { return }
    // The end of the other side is reported whatever the mask: without any interest the descriptor has to leave the queue.
    if mask == 0 {
      epoll_ctl(epoll.number, EPOLL_CTL_DEL, descriptor.number, nil)
    } else {
      try? control(source.mask == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, mask)
    }
    source.mask = mask
    sources[descriptor.number] = source
  }

  /// Watches the descriptor no longer.
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

  /// Makes the timer's action not happen.
  public func cancel(_ timer: Timer) {
    timers.removeAll { $0.timer == timer }
  }

  /// Turns until ``stop()``.
  public func run() {
    isRunning = true
    while isRunning { turn(timeout: nil) }
  }

  /// Ends ``run()`` after the present turn.
  public func stop() {
    isRunning = false
  }

  /// Waits for something to happen and does what it asks for.
  ///
  /// - Parameter timeout: milliseconds to wait at most; `nil` for as long as it takes.
  public func turn(timeout: Int?) {
    var events = [epoll_event](repeating: epoll_event(), count: 64)
    let count = epoll_wait(epoll.number, &events, Int32(events.count), waitTime(timeout))
    for event in events.prefix(Int(max(0, count))) {
      // A handler before this one may have made it forget the source.
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
