import Glibc
import LinuxSystem
import SandboxPlan

/// PID 1 of a sandbox: it mounts what the program sees, makes that the root, gives up its rights over the host, and only then starts
/// the first program of the tree. Until then every path of the tree is resolved in the tree.
struct SandboxProcess {
  let plan: SandboxPlan
  let parent: Parent

  /// Capabilities of programs in a sandbox: those over files, ids and processes that installing packages takes. None is over mounts, the
  /// kernel, the clock, devices or other processes' memory.
  private static let capabilities = CapabilitySet(names: [
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "net_bind_service", "sys_chroot", "setfcap", "audit_write",
  ])

  /// Executes this program again from a mount that is read-only: as long as it runs, and after that, programs of the sandbox could open it
  /// through `/proc` and write to the host's file.
  ///
  /// - Parameter file: Path of the plan.
  /// - Throws: `SystemError`, ``SandboxFailure``.
  func start(_ file: String) throws -> Never {
    try NameSpaces.enter(.mount)
    try makeMountsPrivate()
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard readlink("/proc/self/exe", &path, path.count - 1) > 0 else { throw SystemError("find", "/proc/self/exe") }
    // By its path: a mount of another namespace cannot be copied.
    let place = String(decoding: path.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let program = try DetachedMount(of: try Descriptor(opening: place, Descriptor.pathOnly), named: place)
    try program.restrict()
    let connection = dup(parent.connection.number)
    guard connection >= 0 else { throw SystemError("keep", "the connection") }
    try program.execute(["cultivar-sandbox", "inside", file, "\(connection)"])
    throw SandboxFailure("it cannot be executed again")
  }

  /// Makes the sandbox, runs the program, and ends with its exit status.
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
    // Root of the host gives up its rights over it: mounts cannot be changed from a user namespace below the one that made them.
    if plan.users.isEmpty {
      try NameSpaces.enter([.user, .mount])
      try parent.mapIDs()
    }
    if !plan.usesNetwork {
      // In the user namespace, so that its root may listen on ports below 1024.
      try NameSpaces.enter(.network)
      try? NetworkConfiguration().bringUp("lo")
    }
    try registerEmulator()
    // In a user namespace of its own a program would have all rights again that it can do harm with: to mount the host's control groups.
    if let settings = mounts.kernelSettings {
      try FileTree.write("0", to: "\(settings.path)/user/max_user_namespaces")
    }
    try NameSpaces.filterSystemCalls()
    ProcessLimits.set()
    guard let capabilities = Self.capabilities else { throw SandboxFailure("a capability has no such name") }
    try NameSpaces.keepOnly(capabilities)
    // A program with the same rights could trace this process, and write to its executable when it has ended.
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

  /// Removes the plan's folder: also what belongs to ids that only the sandbox has.
  func removeFolder() throws -> Never {
    FileTree.removeContents(of: plan.work)
    exit(rmdir(plan.work) == 0 || errno == ENOENT ? 0 : 1)
  }

  private func registerEmulator() throws {
    guard !plan.registration.isEmpty else { return }
    let folder = "/run/cultivar/binfmt_misc"
    try Mount.mount("binfmt_misc", from: "binfmt_misc", at: folder)
    try FileTree.write(plan.registration, to: "\(folder)/register")
  }

  private func endIfExceeded() {
    guard ProcessLimits.isExceeded else { return }
    SandboxFailure.end(saying: "it was ended, as it started more than \(ProcessLimits.processes) processes")
  }

  /// Runs the script and waits for it; processes that it leaves behind end with the sandbox.
  private func runProgram() throws -> Int32 {
    let terminal = plan.hasTerminal ? try Terminal(for: parent) : nil
    // The caller's is not even this process's any more.
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
    // Orphans are this process's as well, as it is PID 1.
    var status: Int32 = 0
    var nextCount = EventLoop.now + ProcessLimits.interval
    while true {
      if EventLoop.now >= nextCount {
        endIfExceeded()
        nextCount = EventLoop.now + ProcessLimits.interval
      }
      let ended = waitpid(-1, &status, WNOHANG)
      if ended == program {
        // It may have found no number for a process before they were counted.
        if status != 0 { endIfExceeded() }
        return Caller.exitStatus(of: status)
      }
      if ended < 0, errno != EINTR { throw SystemError("wait for", "the program") }
      if ended != 0 { continue }
      if signals.descriptor.waitUntilReadable(timeout: Int(ProcessLimits.interval)) { _ = signals.next() }
    }
  }
}
