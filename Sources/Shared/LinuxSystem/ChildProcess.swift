import CLinuxSystem
import Glibc

/// The properties of a process to start.
public struct ProcessStart {
  /// Absolute path of the executable.
  public var executable: String
  /// Arguments, argv[0] first.
  public var arguments: [String]
  /// Environment variables, as `NAME=value`.
  public var environment: [String]
  /// Working directory; `nil` for the parent's.
  public var directory: String?
  /// User and group; `nil` for the parent's.
  public var user: (uid: UInt32, gid: UInt32)?
  /// Capabilities to keep; `nil` for the parent's.
  public var capabilities: CapabilitySet?
  /// True for an empty private `/tmp`, and private `/var/tmp` and `/dev/shm` if they exist.
  public var privateTmp = false
  /// With `privateTmp`: folder to bind-mount over `/dev`; `nil` to keep `/dev`.
  public var devices: String?
  /// With `privateTmp`: true to make the kernel's settings (`/proc/sys`, `/sys`) read-only.
  public var readsKernelOnly = false
  /// With `privateTmp`: further paths to make read-only with everything below them. Paths that do not exist are
  /// skipped.
  public var readOnlyPaths: [String] = []
  /// Path of the control group to join.
  public var controlGroup: String?
  /// True to make standard input, which is a terminal, the controlling terminal.
  public var claimsTerminal = false

  /// Makes the start of a program in a new session. All other properties are inherited from the parent.
  public init(_ executable: String, _ arguments: [String], environment: [String]) {
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
  }
}

/// A set of Linux capabilities.
public struct CapabilitySet: Sendable, Equatable {
  /// One bit for each capability number of the kernel.
  public private(set) var mask: UInt64 = 0

  /// Names in the order of their numbers in `linux/capability.h`, in lower case and without `CAP_`.
  private static let names = [
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
    "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
    "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
    "checkpoint_restore",
  ]

  /// The capabilities of this process (`CapEff` of `proc_pid_status(5)`); empty if the kernel does not report them.
  public static var effective: CapabilitySet {
    var set = CapabilitySet(mask: 0)
    for line in (FileTree.line("/proc/self/status") ?? "").split(separator: "\n") where line.hasPrefix("CapEff:") {
      set.mask = UInt64(line.dropFirst(7).drop { $0 == "\t" || $0 == " " }, radix: 16) ?? 0
    }
    return set
  }

  /// True if the set contains the named capability.
  public func contains(_ name: String) -> Bool {
    Self.names.firstIndex(of: name).map { mask & 1 << UInt64($0) != 0 } ?? false
  }

  private init(mask: UInt64) { self.mask = mask }

  /// Makes a set from names; `nil` if a name is unknown.
  ///
  /// - Parameter names: Names in lower case, without `CAP_`.
  public init?(names: [String]) {
    for name in names {
      guard let number = Self.names.firstIndex(of: name) else { return nil }
      mask |= 1 << UInt64(number)
    }
  }
}

/// An error of starting a process.
public struct StartError: Error, CustomStringConvertible {
  /// The failed step, the program, and the kernel's reason.
  public let description: String

  init(step: cultivar_spawn_step, start: ProcessStart, code: Int32) {
    let reason = String(cString: strerror(code))
    let attempt =
      switch step {
      case CULTIVAR_STEP_FORK: "make a process"
      case CULTIVAR_STEP_SESSION: "make a session"
      case CULTIVAR_STEP_CGROUP: "join the control group \(start.controlGroup ?? "")"
      case CULTIVAR_STEP_TERMINAL: "take the terminal"
      case CULTIVAR_STEP_PRIVATE_TMP: "set up its own view of /tmp, /dev and the kernel"
      case CULTIVAR_STEP_CAPABILITIES: "set capabilities"
      case CULTIVAR_STEP_USER: "become user \(start.user?.uid ?? 0)"
      case CULTIVAR_STEP_DIRECTORY: "change to \(start.directory ?? "")"
      case CULTIVAR_STEP_DESCRIPTORS: "set up standard input and output"
      default: "execute it"
      }
    description = "cannot start \(start.executable): cannot \(attempt): \(reason)"
  }
}

/// The part of `/proc` about the kernel itself, without the processes.
enum KernelSettings {
  /// All entries that could be written: folders, and files whose mode allows it. Links are left out, since they lead to
  /// processes.
  static var paths: [String] {
    FileTree.names(in: "/proc").filter { UInt32($0) == nil }.map { "/proc/\($0)" }.filter { path in
      var status = stat()
      guard lstat(path, &status) == 0 else { return false }
      switch status.st_mode & S_IFMT {
      case S_IFDIR: return true
      case S_IFREG: return status.st_mode & 0o222 != 0
      default: return false
      }
    }
  }
}

/// The way in which a process ended.
public enum ProcessEnd: Equatable, Sendable {
  /// The process exited with this status.
  case exited(Int)
  /// The process was killed by this signal.
  case signalled(Int)

  /// Decodes the status of `waitpid(2)`.
  public init(waitStatus status: Int32) {
    self =
      cultivar_status_exited(status)
      ? .exited(Int(cultivar_status_exit_code(status))) : .signalled(Int(cultivar_status_signal(status)))
  }
}

/// Starts processes and waits for them.
public enum ChildProcess {
  /// Starts a process and waits until it is executed.
  ///
  /// - Parameters:
  ///   - start: The program and its properties.
  ///   - input: Descriptor for standard input.
  ///   - output: Descriptor for standard output.
  ///   - error: Descriptor for standard error.
  /// - Returns: The process ID.
  /// - Throws: ``StartError``; ``SystemError`` if the control group cannot be opened.
  public static func start(
    _ start: ProcessStart, input: Descriptor, output: Descriptor, error: Descriptor
  ) throws -> pid_t {
    let group = try start.controlGroup.map { try Descriptor(opening: $0 + "/cgroup.procs", O_WRONLY) }
    var failedStep = CULTIVAR_STEP_FORK
    // The descriptors must stay open until the child has duplicated them.
    defer { withExtendedLifetime((group, input, output, error)) {} }
    let pid = withCStrings([start.executable, start.directory ?? "", start.devices ?? ""]) { paths in
      withCStrings(start.arguments) { arguments in
        withCStrings(start.environment) { environment in
          withCStrings(start.readsKernelOnly ? start.readOnlyPaths + KernelSettings.paths : start.readOnlyPaths) {
            readOnly in
            var spawn = cultivar_spawn()
            spawn.path = UnsafePointer(paths[0])
            spawn.arguments = UnsafePointer(arguments)
            spawn.environment = UnsafePointer(environment)
            spawn.directory = start.directory == nil ? nil : UnsafePointer(paths[1])
            spawn.standard = (input.number, output.number, error.number)
            spawn.cgroup = group?.number ?? -1
            spawn.claims_terminal = start.claimsTerminal
            spawn.private_tmp = start.privateTmp
            spawn.devices = start.devices == nil ? nil : UnsafePointer(paths[2])
            spawn.read_only_kernel = start.readsKernelOnly
            spawn.read_only_paths = UnsafePointer(readOnly)
            if let user = start.user {
              spawn.changes_user = true
              spawn.uid = user.uid
              spawn.gid = user.gid
            }
            if let capabilities = start.capabilities {
              spawn.limits_capabilities = true
              spawn.capabilities = capabilities.mask
            }
            return cultivar_spawn(&spawn, &failedStep)
          }
        }
      }
    }
    if pid < 0 { throw StartError(step: failedStep, start: start, code: errno) }
    return pid
  }

  /// Reaps a process that has ended; `nil` if there is none.
  ///
  /// - Parameter pid: A child; -1 for any child.
  public static func reap(_ pid: pid_t) -> (pid: pid_t, end: ProcessEnd)? {
    var status: Int32 = 0
    let ended = waitpid(pid, &status, WNOHANG)
    return ended > 0 ? (ended, ProcessEnd(waitStatus: status)) : nil
  }

  /// Runs a process to its end and returns its output.
  ///
  /// - Parameters:
  ///   - start: The program and its properties.
  ///   - input: Descriptor for standard input; `nil` for an empty input.
  ///   - outputLimit: Maximum bytes of output to return. Further output is discarded.
  /// - Throws: ``StartError`` or ``SystemError`` if the process cannot be started.
  public static func run(
    _ start: ProcessStart, input: Descriptor? = nil, outputLimit: Int = 16_384
  ) throws -> (end: ProcessEnd, output: [UInt8]) {
    let (reading, pid) = try {
      let pipe = try Pipe()
      let input = try input ?? Descriptor(opening: "/dev/null", O_RDONLY)
      return (pipe.reading, try self.start(start, input: input, output: pipe.writing, error: pipe.writing))
    }()
    // This process's copy of the writing end is closed, so reading ends when the process and all its children have
    // ended.
    var output: [UInt8] = []
    while reading.waitUntilReadable(timeout: nil), let part = try reading.read(atMost: 4096), !part.isEmpty {
      output += part.prefix(outputLimit - output.count)
    }
    var status: Int32 = 0
    try check("wait for", start.executable) { waitpid(pid, &status, 0) }
    return (ProcessEnd(waitStatus: status), output)
  }
}

/// Calls `body` with the strings as a C argument list: pointers, terminated by a null pointer.
private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  let copies = strings.map { strdup($0) } + [nil]
  defer { for copy in copies { free(copy) } }
  let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: copies.count)
  defer { list.deallocate() }
  list.initialize(from: copies, count: copies.count)
  return body(list)
}

extension ChildProcess {
  /// Makes this process the parent of orphaned descendants, like PID 1.
  public static func adoptOrphans() throws(SystemError) {
    try check("adopt", "orphans") { cultivar_become_subreaper() }
  }

  /// Opens a descriptor that becomes readable when the process ends.
  ///
  /// - Parameter pid: A child that has not been reaped.
  public static func exitDescriptor(of pid: pid_t) throws(SystemError) -> Descriptor {
    Descriptor(owning: try check("watch", "process \(pid)") { cultivar_pidfd_open(pid) })
  }
}

extension ProcessEnd: CustomStringConvertible {
  /// The end for a reader: `status 1`, `signal TERM`.
  public var description: String {
    switch self {
    case .exited(let status): "status \(status)"
    case .signalled(let signal): "signal \(SignalName.name(of: signal))"
    }
  }
}
