import DeviceModel
import LinuxSystem

/// What the supervisor needs from the machine; a test brings its own.
public struct SupervisorEnvironment {
  /// The programs' control groups; `nil` where the kernel has none.
  public var controlGroups: ControlGroups?
  /// Whether programs run as their users and with their capabilities only: not without the right to do that.
  public var changesUsers = true
  /// A folder with the few devices that every program needs, which most programs see in the place of `/dev`; `nil` where programs see the
  /// machine as it is.
  public var fewDevices: String?
  /// Whether processes that lost their parent become this one's, as they do PID 1's.
  public var reapsOrphans = false
  /// Terminals of the programs that talk to a person instead of a log, by the programs' names.
  public var terminals: [String: String] = [:]
  /// Whether the network is up.
  public var isNetworkUp: () -> Bool = { NetworkState.isUp }
  /// Whether the clock is right.
  public var isClockSynchronised: () -> Bool = { Clock.isSynchronised }
  /// Takes a line about what happens.
  public var note: (String) -> Void

  /// Makes an environment of the real machine, without control groups.
  public init(note: @escaping (String) -> Void) {
    self.note = note
  }
}
