/// A program that the supervisor runs.
public struct ProgramPlan: Codable, Sendable, Equatable {
  /// Name, unique in the plan: lower-case letters, digits and hyphens.
  public var name: String
  /// True for programs that Cultivar adds (network client, clock, daemon), false for the user's programs.
  public var isSystem: Bool
  /// Absolute path of the executable.
  public var executable: String
  /// Arguments, without argv[0].
  public var arguments: [String]
  /// Environment variables in addition to the supervisor's own (`PATH`, `HOME`, `USER`, `TMPDIR`).
  public var environment: [String: String]
  /// The user that runs the program.
  public var user: ProgramUser
  /// Home directory, created for the user and kept over restarts: `HOME` and the working directory.
  public var home: String
  /// Further directories to create before the start, owned by the user, with mode 0755.
  public var folders: [String]
  /// The policy for starting the program again after it ends.
  public var restart: RestartPolicy
  /// Conditions for starting the program.
  public var waitFor: [WaitCondition]
  /// The way to stop the program.
  public var stop: StopPlan
  /// Resource limits.
  public var limits: ProgramLimits
  /// Capabilities that the program keeps, by the kernel's names in lower case without `CAP_`: `net_bind_service`.
  public var capabilities: [String]
  /// True if the program has private `/tmp`, `/var/tmp` and `/dev/shm`. The next two properties apply only then.
  public var privateTmp: Bool
  /// True if the program sees all of `/dev`, false if it sees only the devices that every program needs.
  public var seesAllDevices: Bool
  /// True if the program may write kernel settings, within the rights of its user and capabilities.
  public var writesKernelSettings: Bool
  /// The settings for keeping the program's output.
  public var log: LogPlan

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

/// A user and its primary group, as numbers, so that the device needs no lookup.
public struct ProgramUser: Codable, Sendable, Equatable {
  /// User name, for the environment and for messages.
  public var name: String
  /// User ID.
  public var uid: UInt32
  /// Group ID.
  public var gid: UInt32

  public init(name: String, uid: UInt32, gid: UInt32) {
    self.name = name
    self.uid = uid
    self.gid = gid
  }

  public static let root = ProgramUser(name: "root", uid: 0, gid: 0)
}

/// The rule for starting a program again after it ends.
///
/// The pause before a start is ``initialDelay`` at first. It doubles with each end, up to ``maximumDelay``. After a run
/// of at least ``resetAfter``, it is ``initialDelay`` again. All in milliseconds.
public struct RestartPolicy: Codable, Sendable, Equatable {
  /// The ends after which a program is started again.
  public enum Condition: String, Codable, Sendable, CaseIterable {
    /// After every end.
    case always
    /// After an exit status other than 0, or a signal.
    case onFailure = "on-failure"
    /// Never.
    case never
  }

  /// The ends after which the program is started again.
  public var condition: Condition
  /// First pause, in milliseconds.
  public var initialDelay: Int
  /// Longest pause, in milliseconds.
  public var maximumDelay: Int
  /// Minimum length in milliseconds of a run that resets the pause.
  public var resetAfter: Int

  public init(condition: Condition, initialDelay: Int = 250, maximumDelay: Int = 60_000, resetAfter: Int = 10_000) {
    self.condition = condition
    self.initialDelay = initialDelay
    self.maximumDelay = maximumDelay
    self.resetAfter = resetAfter
  }
}

/// A condition for starting a program.
public enum WaitCondition: Codable, Sendable, Equatable {
  /// An interface other than loopback is up and has an address that is not link-local.
  case network
  /// The kernel's clock is synchronised.
  case clock
  case path(String)
  /// The named program of the plan is running, or has ended with exit status 0.
  case program(String)
}

/// The way to stop a program: a signal, and SIGKILL after a grace period.
public struct StopPlan: Codable, Sendable, Equatable {
  /// Number of the signal.
  public var signal: Int32
  /// Milliseconds until SIGKILL.
  public var grace: Int

  public init(signal: Int32 = 15, grace: Int = 10_000) {
    self.signal = signal
    self.grace = grace
  }
}

/// Limits for a program and its child processes; `nil` for no limit.
public struct ProgramLimits: Codable, Sendable, Equatable {
  /// Bytes of memory (`memory.max`).
  public var memory: Int64?
  /// Percent of one processor (`cpu.max`): 50 is half of one, 200 is two.
  public var cpuPercent: Int?
  /// Number of processes and threads (`pids.max`).
  public var processes: Int?

  public init(memory: Int64? = nil, cpuPercent: Int? = nil, processes: Int? = nil) {
    self.memory = memory
    self.cpuPercent = cpuPercent
    self.processes = processes
  }
}

/// The settings for keeping a program's standard output and standard error.
public struct LogPlan: Codable, Sendable, Equatable {
  /// Bytes of the ring buffer in memory.
  public var ringBytes: Int
  /// Files on the data partition; `nil` for none.
  public var files: LogFiles?

  public init(ringBytes: Int = 65_536, files: LogFiles? = nil) {
    self.ringBytes = ringBytes
    self.files = files
  }
}

/// Rotated log files on the data partition.
public struct LogFiles: Codable, Sendable, Equatable {
  /// Maximum bytes of a file. The next file is started after that.
  public var maximumBytes: Int64
  /// Number of closed files to keep.
  public var keep: Int

  public init(maximumBytes: Int64, keep: Int) {
    self.maximumBytes = maximumBytes
    self.keep = keep
  }
}
