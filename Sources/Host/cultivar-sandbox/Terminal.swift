import Glibc
import LinuxSystem
import SandboxPlan

/// A pseudoterminal (`pty(7)`) from the sandbox's own `devpts` file system.
struct Terminal {
  private let slave: Descriptor

  /// Opens a pseudoterminal, and waits until the caller has set its size.
  ///
  /// - Throws: `SystemError`, ``SandboxFailure`` if the caller has ended.
  init(for parent: Parent) throws {
    let terminal = try PseudoTerminal()
    slave = terminal.slave
    try UnixSocket.send([1], passing: terminal.master, over: parent.connection)
    guard let word = try parent.connection.read(atMost: 1), !word.isEmpty else {
      throw SandboxFailure("its terminal has no other end")
    }
  }

  /// Makes the pseudoterminal this process's standard input, output and error.
  ///
  /// - Throws: `SystemError`.
  func takeStandardStreams() throws {
    for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where dup2(slave.number, stream) < 0 {
      throw SystemError("use", "the terminal")
    }
  }

  /// Makes this process a session leader in the foreground, with the pseudoterminal as its controlling terminal.
  ///
  /// - Throws: `SystemError`.
  func control() throws {
    guard setsid() >= 0, ioctl(slave.number, UInt(TIOCSCTTY), 0) == 0 else {
      throw SystemError("control", "the terminal")
    }
    try takeStandardStreams()
  }
}

/// Connects the caller's terminal with the sandbox's pseudoterminal: copies data in both directions, and passes on the
/// caller's window size.
struct TerminalRelay {
  /// The master of the sandbox's pseudoterminal.
  private let master: Descriptor
  private let signals: SignalQueue
  private let settings: termios

  /// Receives the pseudoterminal, gives it the caller's settings and size, and sets the caller's terminal to raw mode.
  ///
  /// - Returns: `nil` if the sandbox ended before it had a terminal.
  /// - Throws: `SystemError`.
  init?(from connection: Descriptor) throws {
    let received = try UnixSocket.receive(atMost: 1, from: connection)
    guard let master = received.passed else { return nil }
    var settings = termios()
    guard tcgetattr(STDIN_FILENO, &settings) == 0 else { throw SystemError("read the settings of", "the terminal") }
    self.settings = settings
    self.master = master
    tcsetattr(master.number, TCSANOW, &settings)
    signals = try SignalQueue([SIGWINCH, SIGTERM, SIGHUP])
    try master.setNonBlocking()
    passSize()
    var raw = settings
    cfmakeraw(&raw)
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw)
    try connection.write(all: [1])
  }

  /// Copies data until the sandbox closes its pseudoterminal, the caller's terminal is closed, or a signal asks the
  /// caller to end. Restores the settings of the caller's terminal afterwards.
  ///
  /// - Returns: The signal that asked the caller to end; `nil` otherwise.
  func run() -> Int32? {
    defer {
      var settings = settings
      tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
    }
    var typed: ArraySlice<UInt8> = []
    while true {
      // Input stays in the caller's terminal while the sandbox does not read.
      var entries = [
        pollfd(fd: master.number, events: Int16(typed.isEmpty ? POLLIN : POLLIN | POLLOUT), revents: 0),
        pollfd(fd: signals.descriptor.number, events: Int16(POLLIN), revents: 0),
        pollfd(fd: typed.isEmpty ? STDIN_FILENO : -1, events: Int16(POLLIN), revents: 0),
      ]
      if poll(&entries, 3, -1) < 0, errno != EINTR { return nil }
      if entries[1].revents != 0, let signal = signals.next() {
        guard signal == SIGWINCH else { return signal }
        passSize()
      }
      if entries[0].revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 {
        // An error means that no process has the pseudoterminal open any more.
        guard let part = try? master.read(atMost: 16_384) ?? [] else { return nil }
        if part.isEmpty, entries[0].revents & Int16(POLLHUP) != 0 { return nil }
        guard show(part) else { return nil }
      }
      if entries[0].revents & Int16(POLLOUT) != 0, !typed.isEmpty {
        guard let count = try? master.write(some: typed) else { return nil }
        typed = typed.dropFirst(count)
      }
      if entries[2].revents != 0 {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(STDIN_FILENO, &buffer, buffer.count)
        if count < 0, errno == EINTR || errno == EAGAIN { continue }
        guard count > 0 else { return nil }
        typed = buffer[..<count]
      }
    }
  }

  private func passSize() {
    var size = winsize()
    if ioctl(STDIN_FILENO, UInt(TIOCGWINSZ), &size) == 0 { _ = ioctl(master.number, UInt(TIOCSWINSZ), &size) }
  }

  /// Writes to the caller's terminal; returns false if it is closed.
  private func show(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count < 0, errno == EAGAIN {
        // Another process has set the terminal to non-blocking mode.
        var entry = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
        poll(&entry, 1, -1)
      } else if count < 0, errno != EINTR {
        return false
      }
      rest = rest.dropFirst(max(count, 0))
    }
    return true
  }
}
