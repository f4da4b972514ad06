/// The answer of the management API to `GET /v1/status`.
public struct DeviceStatus: Codable, Sendable, Equatable {
  /// What the image is.
  public var image: ImageIdentity
  /// The host name.
  public var hostname: String
  /// Identifies the device: made once, at its first boot.
  public var machineID: String?
  /// The slot that runs.
  public var slot: Slot?
  /// Release of the running kernel.
  public var kernel: String
  /// Seconds since the machine started.
  public var uptime: Int
  /// The time of day, as `2026-01-31T12:00:00Z`.
  public var time: String
  /// Whether the clock is kept right.
  public var clockSynchronised: Bool
  /// The addresses of its interfaces.
  public var addresses: [InterfaceAddress]
  /// Main memory; `available` is what programs could still get.
  public var memory: Space
  /// The data partition; `nil` where it is not mounted.
  public var data: Space?
  /// What went wrong at this and earlier starts, oldest first.
  public var failures: [FailureRecord]
  /// The programs of an appliance, in the order of the plan.
  public var programs: [ProgramStatus]
  /// How systemd does, on a system.
  public var system: SystemState?

  /// Makes a status.
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

  /// Bytes of a memory or a file system.
  public struct Space: Codable, Sendable, Equatable {
    /// All bytes.
    public var total: UInt64
    /// Bytes that can be used.
    public var available: UInt64

    /// Makes a space.
    public init(total: UInt64, available: UInt64) {
      self.total = total
      self.available = available
    }
  }

  /// An address of an interface.
  public struct InterfaceAddress: Codable, Sendable, Equatable {
    /// Name of the interface.
    public var interface: String
    /// The address with the length of its prefix: `192.0.2.7/24`.
    public var address: String

    /// Makes an address.
    public init(interface: String, address: String) {
      self.interface = interface
      self.address = address
    }
  }
}

/// Something that went wrong while the device started, or ended its last run, kept for whoever asks later.
public struct FailureRecord: Codable, Sendable, Equatable {
  /// When.
  public var time: Timestamp
  /// The slot that was being started when it went wrong, or was noticed.
  public var slot: Slot?
  /// What went wrong.
  public var message: String
  /// True if it ended the start or the run, by itself or by the watchdog; `nil` where the record does not tell.
  public var isFatal: Bool?

  /// Makes a record.
  public init(time: Timestamp, slot: Slot?, message: String, isFatal: Bool? = nil) {
    self.time = time
    self.slot = slot
    self.message = message
    self.isFatal = isFatal
  }
}
