import DeviceModel
import LinuxSystem

/// The supervisor's access to the machine. Tests provide their own.
public struct SupervisorEnvironment {
  /// The programs' control groups, or `nil` if the kernel has none.
  public var controlGroups: ControlGroups?
  /// True if programs run as their users and only with their capabilities. Requires the right to change users.
  public var changesUsers = true
  /// A folder with the few devices that every program needs, which most programs see as `/dev`; `nil` if programs have
  /// unrestricted access to devices, kernel settings and `/run`.
  public var fewDevices: String?
  /// True if this process adopts orphaned processes, as PID 1 does.
  public var reapsOrphans = false
  /// Terminals of the programs that talk to a person instead of a log, by the name of the program.
  public var terminals: [String: String] = [:]
  public var isNetworkUp: () -> Bool = { NetworkState.isUp }
  public var isClockSynchronised: () -> Bool = { Clock.isSynchronised }
  /// Receives a line about each event.
  public var note: (String) -> Void

  /// Makes an environment of the real machine, without control groups.
  public init(note: @escaping (String) -> Void) {
    self.note = note
  }
}
