import Glibc
import LinuxSystem
import SandboxPlan

/// PID 1 of a sandbox. It mounts the root file system, changes to it, and drops its privileges over the host. Only then
/// does it start the first program of the tree. Until then, every path of the tree is resolved inside the tree.
struct SandboxProcess {
  let plan: SandboxPlan
  let parent: Parent

  /// Capabilities of programs in a sandbox, for files, IDs and processes, as installations of packages need them. There
  /// are none for mounts, the kernel, the clock, devices or the memory of other processes.
  private static let capabilities = CapabilitySet(names: [
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "net_bind_service", "sys_chroot", "setfcap", "audit_write",
  ])

  /// Executes this program again from a read-only mount. Otherwise programs of the sandbox could open it through
  /// `/proc` and write to the host's file.
  ///
  /// - Parameter file: Path of the plan.
  /// - Throws: `SystemError`, ``SandboxFailure``.
  func start(_ file: String) throws -> Never {
    try NameSpaces.enter(.mount)
    try makeMountsPrivate()
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard readlink("/proc/self/exe", &path, path.count - 1) > 0 else { throw SystemError("find", "/proc/self/exe") }
    // Opened by its path, as a mount of another namespace cannot be copied.
    let place = String(decoding: path.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let program = try DetachedMount(of: try Descriptor(opening: place, Descriptor.pathOnly), named: place)
    try program.restrict()
    let connection = dup(parent.connection.number)
    guard connection >= 0 else { throw SystemError("keep", "the connection") }
    try program.execute(["cultivar-sandbox", "inside", file, "\(connection)"])
    throw SandboxFailure("it cannot be executed again")
  }

  /// Makes the sandbox, runs the program, and exits with the program's status.
  ///
  /// - Throws: `SystemError`, ``SandboxFailure`` if the sandbox cannot be made.
  func run() throws -> Never {
    umask(0o022)
    let spaces: NameSpaces = [.communication, .hostName, .controlGroups]
    try NameSpaces.enter(spaces)
    guard fcntl(parent.connection.number, F_SETFD, FD_CLOEXEC) == 0 else {
      throw SystemError("close", "the connection")
    }
    try NameSpaces.leaveKeyrings()
    _ = sethostname("cultivar", 8)
    var mounts = SandboxMounts(plan: plan)
    let nameServers = try mounts.make()
    try NameSpaces.takeCurrentFolderAsRoot()
    if let settings = mounts.kernelSettings { try ProcessLimits.boundNumbers(in: settings) }
    // Root of the host drops its privileges. A process in a new user namespace cannot change the mounts of the old one.
    if plan.users.isEmpty {
      try NameSpaces.enter([.user, .mount])
      try parent.mapIDs()
    }
    if !plan.usesNetwork {
      // Inside the user namespace, so that root there may listen on ports below 1024.
      try NameSpaces.enter(.network)
      try? NetworkConfiguration().bringUp("lo")
    }
    try registerEmulator()
    // In another user namespace, a program would regain dangerous capabilities, for example to mount the host's control
    // groups.
    if let settings = mounts.kernelSettings {
      try FileTree.write("0", to: "\(settings.path)/user/max_user_namespaces")
    }
    try NameSpaces.filterSystemCalls()
    ProcessLimits.set()
    guard let capabilities = Self.capabilities else { throw SandboxFailure("a capability has no such name") }
    try NameSpaces.keepOnly(capabilities)
    // Otherwise a program with the same capabilities could trace this process, and write to its executable after its
    // end.
    try NameSpaces.hideProcess()
    try parent.endWithIt()
    let status = try runProgram()
    nameServers?.remove()
    exit(status)
  }

  private func makeMountsPrivate() throws {
    do {
      try NameSpaces.makeMountsPrivate()
    } catch {
      guard error.code == EINVAL else { throw error }
      throw SandboxFailure("the root is not a mount point, as in a chroot. Build on a whole machine or in a container")
    }
  }

  /// Removes the plan's folder, including files that belong to subordinate IDs.
  func removeFolder() throws -> Never {
    FileTree.removeContents(of: plan.work)
    exit(rmdir(plan.work) == 0 || errno == ENOENT ? 0 : 1)
  }

  private func registerEmulator() throws {
    guard let emulator = plan.emulator else { return }
    let folder = "/run/cultivar/binfmt_misc"
    try Mount.mount("binfmt_misc", from: "binfmt_misc", at: folder)
    try FileTree.write(emulator.registration, to: "\(folder)/register")
  }

  private func endIfExceeded() {
    guard ProcessLimits.isExceeded else { return }
    SandboxFailure.end(saying: "it was ended because it started more than \(ProcessLimits.processes) processes")
  }

  /// Runs the script and waits for it. Its remaining processes end with the sandbox.
  private func runProgram() throws -> Int32 {
    let terminal = plan.hasTerminal ? try Terminal(for: parent) : nil
    // From now on, not even this process has the caller's terminal open.
    try terminal?.takeStandardStreams()
    let signals = try SignalQueue([SIGCHLD])
    let program = try NameSpaces.fork()
    if program == 0 {
      do {
        var none = sigset_t()
        sigemptyset(&none)
        sigprocmask(SIG_SETMASK, &none, nil)
        try terminal?.control()
        if !plan.keepsInput {
          let nothing = try Descriptor(opening: "/dev/null", O_RDONLY)
          guard dup2(nothing.number, STDIN_FILENO) >= 0 else { throw SystemError("open", "standard input") }
        }
        guard chdir(plan.folder) == 0 else { throw SystemError("change to", plan.folder) }
      } catch {
        SandboxFailure.end(with: error)
      }
      Program(path: "/bin/sh", arguments: ["/bin/sh", "-eu", SandboxPlan.scriptPath]).execute()
    }
    if plan.keepsInput { for number in [SIGINT, SIGQUIT] { signal(number, SIG_IGN) } }
    // As PID 1, this process also has to reap orphans.
    var status: Int32 = 0
    var nextCount = EventLoop.now + ProcessLimits.interval
    while true {
      if EventLoop.now >= nextCount {
        endIfExceeded()
        nextCount = EventLoop.now + ProcessLimits.interval
      }
      let ended = waitpid(-1, &status, WNOHANG)
      if ended == program {
        // The program may have failed because there was no free process ID before the processes were counted.
        if status != 0 { endIfExceeded() }
        return Caller.exitStatus(of: status)
      }
      if ended < 0, errno != EINTR { throw SystemError("wait for", "the program") }
      if ended != 0 { continue }
      if signals.descriptor.waitUntilReadable(timeout: Int(ProcessLimits.interval)) { _ = signals.next() }
    }
  }
}
