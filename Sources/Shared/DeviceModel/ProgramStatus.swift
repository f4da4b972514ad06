/// The supervisor's report on all programs.
public struct SupervisorStatus: Codable, Sendable, Equatable {
  /// The identity of the image.
  public var image: ImageIdentity
  /// The programs, in the order of the plan.
  public var programs: [ProgramStatus]

  public init(image: ImageIdentity, programs: [ProgramStatus]) {
    self.image = image
    self.programs = programs
  }
}

/// The supervisor's report on one program.
public struct ProgramStatus: Codable, Sendable, Equatable {
  /// The state of a program.
  public enum State: String, Codable, Sendable, CaseIterable {
    /// The program is not yet started: a condition does not hold.
    case waiting
    case running
    /// The program was told to stop.
    case stopping
    /// The program ended and will be started again after a pause.
    case restarting
    /// The program ended by itself and will not be started again.
    case ended
    /// The program was stopped on request.
    case stopped
  }

  public var name: String
  /// True for programs that Cultivar adds.
  public var isSystem: Bool
  public var state: State
  /// ID of the process, while there is one.
  public var pid: Int32?
  /// Seconds since the start, while the program is running.
  public var runningFor: Int?
  /// Number of starts after the program ended by itself.
  public var restarts: Int
  /// The way in which the last run ended, or the reason for a failed start.
  public var lastEnd: String?
  /// The condition for the start that does not hold yet.
  public var waitingFor: String?
  /// Bytes of memory of the program and its child processes, without the page cache; `nil` if the kernel does not count
  /// them.
  public var memory: Int64?

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
