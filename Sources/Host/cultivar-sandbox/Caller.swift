import Glibc
import LinuxSystem
import SandboxPlan

/// The process that `cultivar` starts. It stays on the host, maps the IDs of the sandbox's process, and waits for it.
struct Caller {
  let plan: SandboxPlan

  /// Runs a function in a child process with its own PID namespace and, if the caller is not root, its own user
  /// namespace.
  ///
  /// - Returns: Exit status of the child.
  /// - Throws: `SystemError`, ``SandboxFailure``.
  func run(_ body: (Parent) throws -> Never) throws -> Int32 {
    let isRoot = plan.users.isEmpty
    var (own, childs): (Descriptor?, Descriptor?) = try UnixSocket.pair()
    let child = try NameSpaces.fork(into: isRoot ? .processes : [.user, .processes])
    if child == 0 {
      own = nil
      do {
        guard let childs else { throw SandboxFailure("it cannot reach its parent") }
        let parent = Parent(connection: childs)
        try parent.endWithIt()
        // A signal that the program sends to its process group must not reach the caller.
        if !plan.keepsInput { setsid() }
        if !isRoot { try parent.mapIDs() }
        try body(parent)
      } catch {
        SandboxFailure.end(with: error)
      }
    }
    // Each side keeps only its own end of the connection, so that it sees when the other side closes.
    childs = nil
    defer { withExtendedLifetime(own) {} }
    // Ctrl-C on the caller's terminal is for the program, so the caller ignores it.
    if plan.keepsInput { for number in [SIGINT, SIGQUIT] { signal(number, SIG_IGN) } }
    if let own { try answer(own, for: child) }
    if plan.hasTerminal, let own, let relay = try TerminalRelay(from: own), let signal = relay.run() {
      kill(child, SIGKILL)
      _ = try Self.wait(for: child)
      return 128 + signal
    }
    return try Self.wait(for: child)
  }

  /// Waits until the child asks for its IDs or ends, and maps the IDs.
  private func answer(_ connection: Descriptor, for child: pid_t) throws {
    guard let word = try connection.read(atMost: 1), !word.isEmpty else { return }
    if plan.users.isEmpty {
      try mapToThemselves(child)
    } else {
      try map(child, "/usr/bin/newuidmap", plan.users)
      try map(child, "/usr/bin/newgidmap", plan.groups)
    }
    try connection.write(all: [1])
  }

  /// Maps all IDs of this namespace to the same IDs in the child's user namespace.
  private func mapToThemselves(_ child: pid_t) throws {
    for table in ["uid_map", "gid_map"] {
      let lines = String(decoding: try FileTree.read("/proc/self/\(table)"), as: UTF8.self).split(separator: "\n")
      let map = try lines.map { line in
        let numbers = line.split(separator: " ")
        guard numbers.count == 3 else { throw SandboxFailure("/proc/self/\(table) cannot be read") }
        return "\(numbers[0]) \(numbers[0]) \(numbers[2])\n"
      }
      try FileTree.write(map.joined(), to: "/proc/\(child)/\(table)")
    }
  }

  /// Maps subordinate IDs in the child's user namespace with a privileged program.
  private func map(_ child: pid_t, _ program: String, _ ranges: [SandboxPlan.IDRange]) throws {
    let words = [program, "\(child)"] + ranges.flatMap { ["\($0.inner)", "\($0.outer)", "\($0.count)"] }
    let pid = try NameSpaces.fork()
    if pid == 0 { Program(path: program, arguments: words).execute() }
    guard try Self.wait(for: pid) == 0 else {
      throw SandboxFailure("\(program) failed to map ids: check /etc/subuid and /etc/subgid")
    }
  }

  static func wait(for child: pid_t) throws -> Int32 {
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 {
      if errno != EINTR { throw SystemError("wait for", "process \(child)") }
    }
    return Self.exitStatus(of: status)
  }

  /// Converts a wait status to an exit status as in a shell: the process's own, or 128 plus the number of the signal
  /// that ended it.
  static func exitStatus(of status: Int32) -> Int32 {
    switch ProcessEnd(waitStatus: status) {
    case .exited(let code): Int32(truncatingIfNeeded: code)
    case .signalled(let number): 128 + Int32(truncatingIfNeeded: number)
    }
  }
}

/// The connection from the sandbox's process to its caller.
struct Parent {
  let connection: Descriptor

  /// Makes this process end with its caller, and fails if the caller has already ended.
  ///
  /// The parent's process ID does not show this, as it is always 0 from another namespace.
  ///
  /// - Throws: ``SandboxFailure`` if the caller has ended, `SystemError`.
  func endWithIt() throws {
    try NameSpaces.endWithParent()
    var entry = pollfd(fd: connection.number, events: 0, revents: 0)
    if poll(&entry, 1, 0) > 0 { throw SandboxFailure("its caller has ended") }
  }

  /// Waits until the IDs of this process's new user namespace are mapped, and becomes root in it.
  ///
  /// - Throws: ``SandboxFailure`` if the caller has ended, `SystemError`.
  func mapIDs() throws {
    try connection.write(all: [1])
    guard let word = try connection.read(atMost: 1), !word.isEmpty else { throw SandboxFailure("it received no ids") }
    for failed in [setgid(0) < 0, setuid(0) < 0] where failed {
      throw SystemError("become root of", "a user namespace")
    }
    // Drops the caller's supplementary groups, which have no meaning in this namespace.
    _ = setgroups(0, nil)
    try endWithIt()
  }
}
