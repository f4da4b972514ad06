/// What the supervisor knows about its programs.
public struct SupervisorStatus: Codable, Sendable, Equatable {
  /// What the image is.
  public var image: ImageIdentity
  /// The programs, in the order of the plan.
  public var programs: [ProgramStatus]

  /// Makes a status.
  public init(image: ImageIdentity, programs: [ProgramStatus]) {
    self.image = image
    self.programs = programs
  }
}

/// What the supervisor knows about one program.
public struct ProgramStatus: Codable, Sendable, Equatable {
  /// What a program does at the moment.
  public enum State: String, Codable, Sendable, CaseIterable {
    /// It is not started before a condition holds.
    case waiting
    /// It runs.
    case running
    /// It was asked to end.
    case stopping
    /// It ended, and is started again after a pause.
    case restarting
    /// It ended by itself and is not started again.
    case ended
    /// It was stopped on request.
    case stopped
  }

  /// Its name.
  public var name: String
  /// Whether the image brought it for itself.
  public var isSystem: Bool
  /// What it does.
  public var state: State
  /// Its process, while there is one.
  public var pid: Int32?
  /// Seconds for which it has been running, while it is.
  public var runningFor: Int?
  /// How often it was started again after an end by itself.
  public var restarts: Int
  /// How it ended last, or why it could not be started.
  public var lastEnd: String?
  /// The condition that it waits for.
  public var waitingFor: String?
  /// Bytes of memory that it holds with all that it started, without what the kernel caches of files for it; `nil` where the kernel does
  /// not count them.
  public var memory: Int64?

  /// Makes a status.
  public init(
    name: String, isSystem: Bool, state: State, pid: Int32?, runningFor: Int?, restarts: Int, lastEnd: String?,
    waitingFor: String?, memory: Int64?
  ) {
    self.name = name
    self.isSystem = isSystem
    self.state = state
    self.pid = pid
    self.runningFor = runningFor
    self.restarts = restarts
    self.lastEnd = lastEnd
    self.waitingFor = waitingFor
    self.memory = memory
  }
}
