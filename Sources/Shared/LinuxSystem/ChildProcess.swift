import CLinuxSystem
import Glibc

/// How a process is started: everything that holds when its first instruction runs.
public struct ProcessStart {
  /// Absolute path of the executable.
  public var executable: String
  /// Arguments, argv[0] first.
  public var arguments: [String]
  /// Environment as `NAME=value`.
  public var environment: [String]
  /// Working directory; `nil` for the parent's.
  public var directory: String?
  /// User and group; `nil` for the parent's.
  public var user: (uid: UInt32, gid: UInt32)?
  /// Capabilities that are kept; `nil` for the parent's.
  public var capabilities: CapabilitySet?
  /// Whether it gets an empty `/tmp` of its own, and so `/var/tmp` and `/dev/shm`.
  public var privateTmp = false
  /// With a `/tmp` of its own: a folder that stands in the place of `/dev`; `nil` for `/dev` as it is.
  public var devices: String?
  /// With a `/tmp` of its own: true if it can only read the kernel's settings (`/proc/sys`, `/sys`).
  public var readsKernelOnly = false
  /// With a `/tmp` of its own: further paths that it can only read, with all below them. One that is not there is passed over.
  public var readOnlyPaths: [String] = []
  /// Folder of the control group to join.
  public var controlGroup: String?
  /// Whether standard input is a terminal that becomes its controlling one.
  public var claimsTerminal = false

  /// Makes the start of a program as a new session, otherwise as its parent is.
  public init(_ executable: String, _ arguments: [String], environment: [String]) {
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
  }
}

/// A set of Linux capabilities.
public struct CapabilitySet: Sendable, Equatable {
  /// One bit for each capability, by the kernel's numbers.
  public private(set) var mask: UInt64 = 0

  /// Names by number, as in `linux/capability.h`, in lower case and without `CAP_`.
  private static let names = [
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
    "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
    "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
    "checkpoint_restore",
  ]

  /// Those that this process has (`CapEff` of `proc_pid_status(5)`); none where the kernel does not say.
  public static var effective: CapabilitySet {
    var set = CapabilitySet(mask: 0)
    for line in (FileTree.line("/proc/self/status") ?? "").split(separator: "\n") where line.hasPrefix("CapEff:") {
      set.mask = UInt64(line.dropFirst(7).drop { $0 == "\t" || $0 == " " }, radix: 16) ?? 0
    }
    return set
  }

  /// Whether a capability is in the set, by its name.
  public func contains(_ name: String) -> Bool {
    Self.names.firstIndex(of: name).map { mask & 1 << UInt64($0) != 0 } ?? false
  }

  private init(mask: UInt64) { self.mask = mask }

  /// Makes the set of the names.
  ///
  /// - Parameter names: lower case, without `CAP_`; `nil` results where one is unknown.
  public init?(names: [String]) {
    for name in names {
      guard let number = Self.names.firstIndex(of: name) else { return nil }
      mask |= 1 << UInt64(number)
    }
  }
}

/// Why a process could not be started.
public struct StartError: Error, CustomStringConvertible {
  /// What is shown: the step, the program, and the kernel's reason.
  public let description: String

  init(step: cultivar_spawn_step, start: ProcessStart, code: Int32) {
    let reason = String(cString: strerror(code))
    let attempt =
      switch step {
      case CULTIVAR_STEP_FORK: "make a process"
      case CULTIVAR_STEP_SESSION: "make a session"
      case CULTIVAR_STEP_CGROUP: "join the control group \(start.controlGroup ?? "")"
      case CULTIVAR_STEP_TERMINAL: "take the terminal"
      case CULTIVAR_STEP_PRIVATE_TMP: "set its own view of /tmp, /dev and the kernel up"
      case CULTIVAR_STEP_CAPABILITIES: "set capabilities"
      case CULTIVAR_STEP_USER: "become user \(start.user?.uid ?? 0)"
      case CULTIVAR_STEP_DIRECTORY: "change to \(start.directory ?? "")"
      case CULTIVAR_STEP_DESCRIPTORS: "place standard input and output"
      default: "execute it"
      }
    description = "cannot start \(start.executable): cannot \(attempt): \(reason)"
  }
}

/// The part of `/proc` that is the kernel's own, and not a process's.
enum KernelSettings {
  /// Everything there that could be written: folders, and files with a mode that allows it. Links lead to processes.
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

/// How a process ended.
public enum ProcessEnd: Equatable, Sendable {
  /// By itself, with the status.
  case exited(Int)
  /// By a signal.
  case signalled(Int)

  /// Reads the status of `waitpid(2)`.
  public init(waitStatus status: Int32) {
    self =
      cultivar_status_exited(status)
      ? .exited(Int(cultivar_status_exit_code(status))) : .signalled(Int(cultivar_status_signal(status)))
  }
}

/// Starting processes and waiting for them.
public enum ChildProcess {
  /// Starts a process and waits until it is executed.
  ///
  /// - Parameters:
  ///   - start: the program and its circumstances.
  ///   - input: descriptor that becomes its standard input.
  ///   - output: descriptor that becomes its standard output.
  ///   - error: descriptor that becomes its standard error.
  /// - Returns: its process id.
  /// - Throws: ``StartError``; ``SystemError`` where the control group cannot be opened.
  public static func start(
    _ start: ProcessStart, input: Descriptor, output: Descriptor, error: Descriptor
  ) throws -> pid_t {
    let group = try start.controlGroup.map { try Descriptor(opening: $0 + "/cgroup.procs", O_WRONLY) }
    var failedStep = CULTIVAR_STEP_FORK
    // The descriptors have to stay open until the child has its copies.
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

  /// Takes the end of a process that has ended; `nil` while it runs.
  ///
  /// - Parameter pid: a child; -1 for any.
  public static func reap(_ pid: pid_t) -> (pid: pid_t, end: ProcessEnd)? {
    var status: Int32 = 0
    let ended = waitpid(pid, &status, WNOHANG)
    return ended > 0 ? (ended, ProcessEnd(waitStatus: status)) : nil
  }

  /// Runs a process to its end and returns what it wrote.
  ///
  /// - Parameters:
  ///   - start: the program and its circumstances.
  ///   - input: descriptor that becomes its standard input; it reads nothing where `nil`.
  ///   - outputLimit: bytes of output that are kept; the rest is read and dropped.
  /// - Throws: ``StartError`` or ``SystemError`` where it cannot be started.
  public static func run(
    _ start: ProcessStart, input: Descriptor? = nil, outputLimit: Int = 16_384
  ) throws -> (end: ProcessEnd, output: [UInt8]) {
    let (reading, pid) = try {
      let pipe = try Pipe()
      let input = try input ?? Descriptor(opening: "/dev/null", O_RDONLY)
      return (pipe.reading, try self.start(start, input: input, output: pipe.writing, error: pipe.writing))
    }()
    // The writing end is closed here, so that reading ends when the process and all that it started have ended.
    var output: [UInt8] = []
    while reading.waitUntilReadable(timeout: nil), let part = try reading.read(atMost: 4096), !part.isEmpty {
      output += part.prefix(outputLimit - output.count)
    }
    var status: Int32 = 0
    try check("wait for", start.executable) { waitpid(pid, &status, 0) }
    return (ProcessEnd(waitStatus: status), output)
  }
}

/// Calls `body` with the strings as C expects an argument list: pointers, ended by a null pointer.
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
  /// Makes processes below this one that lose their parent its children, as they are PID 1's by nature.
  public static func adoptOrphans() throws(SystemError) {
    try check("adopt", "orphans") { cultivar_become_subreaper() }
  }

  /// A descriptor that becomes readable when the process ends.
  ///
  /// - Parameter pid: a child that has not been waited for.
  public static func exitDescriptor(of pid: pid_t) throws(SystemError) -> Descriptor {
    Descriptor(owning: try check("watch", "process \(pid)") { cultivar_pidfd_open(pid) })
  }
}

extension ProcessEnd: CustomStringConvertible {
  /// How the process ended, for a reader: `status 1`, `signal TERM`.
  public var description: String {
    switch self {
    case .exited(let status): "status \(status)"
    case .signalled(let signal): "signal \(SignalName.name(of: signal))"
    }
  }
}
