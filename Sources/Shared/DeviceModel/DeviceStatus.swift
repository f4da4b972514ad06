/// The answer of the management API to `GET /v1/status`.
public struct DeviceStatus: Codable, Sendable, Equatable {
  /// The identity of the image.
  public var image: ImageIdentity
  /// The host name.
  public var hostname: String
  /// Identifies the device. Made at its first start.
  public var machineID: String?
  /// The running slot.
  public var slot: Slot?
  /// Release of the running kernel.
  public var kernel: String
  /// Seconds since the machine started.
  public var uptime: Int
  /// The current time, like `2026-01-31T12:00:00Z`.
  public var time: String
  /// True if the clock is synchronised.
  public var clockSynchronised: Bool
  /// The addresses of the device's interfaces.
  public var addresses: [InterfaceAddress]
  /// Main memory; `available` is the memory that programs can still allocate.
  public var memory: Space
  /// The data partition; `nil` if it is not mounted.
  public var data: Space?
  /// Failures of this and earlier starts, oldest first.
  public var failures: [FailureRecord]
  /// The programs of an appliance, in the order of the plan.
  public var programs: [ProgramStatus]
  /// The state of systemd, on a system.
  public var system: SystemState?

  public init(
    image: ImageIdentity, hostname: String, machineID: String?, slot: Slot?, kernel: String, uptime: Int, time: String,
    clockSynchronised: Bool, addresses: [InterfaceAddress], memory: Space, data: Space?, failures: [FailureRecord],
    programs: [ProgramStatus] = [], system: SystemState? = nil
  ) {
    self.image = image
    self.hostname = hostname
    self.machineID = machineID
    self.slot = slot
    self.kernel = kernel
    self.uptime = uptime
    self.time = time
    self.clockSynchronised = clockSynchronised
    self.addresses = addresses
    self.memory = memory
    self.data = data
    self.failures = failures
    self.programs = programs
    self.system = system
  }

  /// The size of a memory or a file system, in bytes.
  public struct Space: Codable, Sendable, Equatable {
    /// Total size in bytes.
    public var total: UInt64
    /// Free bytes.
    public var available: UInt64

    public init(total: UInt64, available: UInt64) {
      self.total = total
      self.available = available
    }
  }

  /// An address of an interface.
  public struct InterfaceAddress: Codable, Sendable, Equatable {
    /// Name of the interface.
    public var interface: String
    /// The address with its prefix length: `192.0.2.7/24`.
    public var address: String

    public init(interface: String, address: String) {
      self.interface = interface
      self.address = address
    }
  }
}

/// A failure during a start or at the end of the last run, recorded for later requests.
public struct FailureRecord: Codable, Sendable, Equatable {
  public var time: Timestamp
  /// The slot that was started when the failure occurred or was noticed.
  public var slot: Slot?
  public var message: String
  /// True if it ended the start or the run, by itself or by the watchdog; `nil` where the record does not tell.
  public var isFatal: Bool?

  public init(time: Timestamp, slot: Slot?, message: String, isFatal: Bool? = nil) {
    self.time = time
    self.slot = slot
    self.message = message
    self.isFatal = isFatal
  }
}
