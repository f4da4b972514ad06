/// One program that the supervisor runs.
public struct ProgramPlan: Codable, Sendable, Equatable {
  /// Name, unique in the plan: lower-case letters, digits and hyphens.
  public var name: String
  /// Whether the image brought it for itself (network client, clock, daemon), not the user.
  public var isSystem: Bool
  /// Absolute path of the executable.
  public var executable: String
  /// Arguments, without argv[0].
  public var arguments: [String]
  /// Environment variables that are added to the supervisor's own few (`PATH`, `HOME`, `USER`, `TMPDIR`).
  public var environment: [String: String]
  /// Who it runs as.
  public var user: ProgramUser
  /// Directory that is made, owned by the user, and kept over reboots: `HOME` and the working directory.
  public var home: String
  /// Further folders that are made before it is started, owned by the user, with mode 0755.
  public var folders: [String]
  /// What happens when it ends by itself.
  public var restart: RestartPolicy
  /// What must hold before it is started.
  public var waitFor: [WaitCondition]
  /// How it is stopped.
  public var stop: StopPlan
  /// What it may use.
  public var limits: ProgramLimits
  /// Capabilities it keeps, by the kernel's names in lower case without `CAP_`: `net_bind_service`.
  public var capabilities: [String]
  /// Whether it gets a `/tmp` of its own, and so `/var/tmp` and `/dev/shm`; only then the two below count.
  public var privateTmp: Bool
  /// Whether it sees all of `/dev`, and not only what every program needs.
  public var seesAllDevices: Bool
  /// Whether it can write the kernel's settings, as far as its user and capabilities allow.
  public var writesKernelSettings: Bool
  /// What is kept of its output.
  public var log: LogPlan

  /// Makes a plan.
  public init(
    name: String, isSystem: Bool, executable: String, arguments: [String], environment: [String: String],
    user: ProgramUser, home: String, folders: [String] = [], restart: RestartPolicy, waitFor: [WaitCondition],
    stop: StopPlan, limits: ProgramLimits, capabilities: [String], privateTmp: Bool, seesAllDevices: Bool = false,
    writesKernelSettings: Bool = false, log: LogPlan
  ) {
    self.name = name
    self.isSystem = isSystem
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
    self.user = user
    self.home = home
    self.folders = folders
    self.restart = restart
    self.waitFor = waitFor
    self.stop = stop
    self.limits = limits
    self.capabilities = capabilities
    self.privateTmp = privateTmp
    self.seesAllDevices = seesAllDevices
    self.writesKernelSettings = writesKernelSettings
    self.log = log
  }
}

/// A user and its main group, as numbers: nothing is looked up at run time.
public struct ProgramUser: Codable, Sendable, Equatable {
  /// Name, for the environment and for messages.
  public var name: String
  /// User id.
  public var uid: UInt32
  /// Group id.
  public var gid: UInt32

  /// Makes a user.
  public init(name: String, uid: UInt32, gid: UInt32) {
    self.name = name
    self.uid = uid
    self.gid = gid
  }

  /// The superuser.
  public static let root = ProgramUser(name: "root", uid: 0, gid: 0)
}

/// When a program that ended is started again, and how long after.
///
/// The pause starts at ``initialDelay``, doubles with each end, and is never longer than ``maximumDelay``;
/// it starts anew once the program has run for ``resetAfter``. All in milliseconds.
public struct RestartPolicy: Codable, Sendable, Equatable {
  /// Which ends are followed by a start.
  public enum Condition: String, Codable, Sendable, CaseIterable {
    /// Every one.
    case always
    /// An exit status other than 0, or a signal.
    case onFailure = "on-failure"
    /// None.
    case never
  }

  /// Which ends are followed by a start.
  public var condition: Condition
  /// First pause, in milliseconds.
  public var initialDelay: Int
  /// Longest pause, in milliseconds.
  public var maximumDelay: Int
  /// A run this long, in milliseconds, counts as good: the pause starts anew.
  public var resetAfter: Int

  /// Makes a policy.
  public init(condition: Condition, initialDelay: Int = 250, maximumDelay: Int = 60_000, resetAfter: Int = 10_000) {
    self.condition = condition
    self.initialDelay = initialDelay
    self.maximumDelay = maximumDelay
    self.resetAfter = resetAfter
  }
}

/// Something that must hold before a program is started.
public enum WaitCondition: Codable, Sendable, Equatable {
  /// An interface other than loopback is up and has an address that is not link-local.
  case network
  /// The kernel's clock is synchronised.
  case clock
  /// The path exists.
  case path(String)
  /// The named program of the plan runs, or has ended with exit status 0.
  case program(String)
}

/// How a program is asked to end, and how long it is given before it is killed.
public struct StopPlan: Codable, Sendable, Equatable {
  /// Signal number that asks.
  public var signal: Int32
  /// Milliseconds until SIGKILL.
  public var grace: Int

  /// Makes a plan.
  public init(signal: Int32 = 15, grace: Int = 10_000) {
    self.signal = signal
    self.grace = grace
  }
}

/// Limits on what a program, with all that it starts, may use; `nil` for no limit.
public struct ProgramLimits: Codable, Sendable, Equatable {
  /// Bytes of memory (`memory.max`).
  public var memory: Int64?
  /// Hundredths of one processor (`cpu.max`): 50 is half of one, 200 two.
  public var cpuPercent: Int?
  /// Processes and threads (`pids.max`).
  public var processes: Int?

  /// Makes limits.
  public init(memory: Int64? = nil, cpuPercent: Int? = nil, processes: Int? = nil) {
    self.memory = memory
    self.cpuPercent = cpuPercent
    self.processes = processes
  }
}

/// What is kept of a program's standard output and standard error.
public struct LogPlan: Codable, Sendable, Equatable {
  /// Bytes of the ring in memory.
  public var ringBytes: Int
  /// Files on the data partition; `nil` for none.
  public var files: LogFiles?

  /// Makes a plan.
  public init(ringBytes: Int = 65_536, files: LogFiles? = nil) {
    self.ringBytes = ringBytes
    self.files = files
  }
}

/// Rotated log files on the data partition.
public struct LogFiles: Codable, Sendable, Equatable {
  /// Bytes at which a file is closed and the next one begun.
  public var maximumBytes: Int64
  /// How many closed files are kept.
  public var keep: Int

  /// Makes a plan.
  public init(maximumBytes: Int64, keep: Int) {
    self.maximumBytes = maximumBytes
    self.keep = keep
  }
}
