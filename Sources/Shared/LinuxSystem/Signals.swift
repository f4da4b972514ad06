import CLinuxSystem
import Glibc

/// Receives signals through a descriptor instead of handlers.
public struct SignalQueue {
  /// A descriptor that is readable while a signal is pending.
  public let descriptor: Descriptor

  /// Blocks the signals in the calling thread and starts to collect them.
  ///
  /// - Parameter signals: Signal numbers.
  /// - Throws: ``SystemError``.
  public init(_ signals: [Int32]) throws(SystemError) {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    sigprocmask(SIG_BLOCK, &set, nil)
    descriptor = Descriptor(owning: try check("collect", "signals") { signalfd(-1, &set, O_CLOEXEC | O_NONBLOCK) })
  }

  /// Returns the next pending signal; `nil` if there is none.
  public func next() -> Int32? {
    let size = MemoryLayout<signalfd_siginfo>.size
    guard let bytes = try? descriptor.read(atMost: size), bytes.count == size else { return nil }
    return bytes.withUnsafeBytes { Int32($0.loadUnaligned(as: signalfd_siginfo.self).ssi_signo) }
  }
}

/// Names of the signals that users may send.
public enum SignalName {
  private static let numbers: [(name: String, number: Int32)] = [
    ("HUP", SIGHUP), ("INT", SIGINT), ("QUIT", SIGQUIT), ("ABRT", SIGABRT), ("KILL", SIGKILL), ("SEGV", SIGSEGV),
    ("PIPE", SIGPIPE), ("ALRM", SIGALRM), ("TERM", SIGTERM), ("USR1", SIGUSR1), ("USR2", SIGUSR2), ("CONT", SIGCONT),
    ("STOP", SIGSTOP), ("BUS", SIGBUS), ("FPE", SIGFPE), ("ILL", SIGILL), ("TRAP", SIGTRAP), ("SYS", SIGSYS),
    ("XCPU", SIGXCPU), ("XFSZ", SIGXFSZ), ("WINCH", SIGWINCH),
  ]

  /// The number of `TERM`, `SIGTERM` or `15`; `nil` if there is no such signal.
  public static func number(of text: String) -> Int32? {
    if let number = Int32(text) { return (1...64).contains(number) ? number : nil }
    let name = text.uppercased()
    return numbers.first { $0.name == name || "SIG" + $0.name == name }?.number
  }

  /// The name without `SIG`, or the number for a signal without a name in this list.
  public static func name(of number: Int) -> String {
    numbers.first { $0.number == number }?.name ?? String(number)
  }
}

extension SignalName {
  /// The real-time signals that tell PID 1 to power off, as in systemd.
  public static let powerOffSignals = [cultivar_realtime_signal(4)]
  /// The real-time signals that tell PID 1 to reboot, as in systemd.
  public static let rebootSignals = [cultivar_realtime_signal(5)]
}
