/// The state of a device's slots and updates.
public struct UpdateStatus: Codable, Sendable, Equatable {
  /// The current activity of the updater.
  public enum Activity: Sendable, Equatable {
    case idle
    /// A bundle is being checked. No slot has changed.
    case preparing
    case installing(InstallProgress)
    /// All bytes are written and are being read back from the disk. The hooks and the change of the boot loader follow.
    case checking(InstallProgress)
    /// A release is on trial and is being checked.
    case watching(HealthReport)
  }

  /// The identity of the running image.
  public var image: ImageIdentity
  /// Name of the boot loader.
  public var loader: String
  /// The slots, A first.
  public var slots: [SlotStatus]
  /// The current activity.
  public var activity: Activity
  /// The release on trial or waiting for its trial; `nil` if there is none.
  public var trial: TrialStatus?
  /// Minimum security epoch of releases.
  public var securityEpoch: UInt64
  /// Results of the last updates, newest last.
  public var history: [UpdateRecord]

  public init(
    image: ImageIdentity, loader: String, slots: [SlotStatus], activity: Activity, trial: TrialStatus?,
    securityEpoch: UInt64, history: [UpdateRecord]
  ) {
    self.image = image
    self.loader = loader
    self.slots = slots
    self.activity = activity
    self.trial = trial
    self.securityEpoch = securityEpoch
    self.history = history
  }
}

/// The JSON form is an object with `state`, and `progress` or `health` if the state has it.
extension UpdateStatus.Activity: Codable {
  private enum Key: String, CodingKey {
    case state
    case progress
    case health
  }

  private enum State: String, Codable {
    case idle
    case preparing
    case installing
    case checking
    case watching
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    switch try fields.decode(State.self, forKey: .state) {
    case .idle: self = .idle
    case .preparing: self = .preparing
    case .checking: self = .checking(try fields.decode(InstallProgress.self, forKey: .progress))
    case .installing: self = .installing(try fields.decode(InstallProgress.self, forKey: .progress))
    case .watching: self = .watching(try fields.decode(HealthReport.self, forKey: .health))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Key.self)
    switch self {
    case .idle: try fields.encode(State.idle, forKey: .state)
    case .preparing: try fields.encode(State.preparing, forKey: .state)
    case .checking(let progress):
      try fields.encode(State.checking, forKey: .state)
      try fields.encode(progress, forKey: .progress)
    case .installing(let progress):
      try fields.encode(State.installing, forKey: .state)
      try fields.encode(progress, forKey: .progress)
    case .watching(let report):
      try fields.encode(State.watching, forKey: .state)
      try fields.encode(report, forKey: .health)
    }
  }
}

/// The state of a slot in the boot loader.
public struct SlotStatus: Codable, Sendable, Equatable {
  public var slot: Slot
  public var isRunning: Bool
  /// True if the boot loader starts this slot unless there is a trial.
  public var isStandard: Bool
  /// True if the boot loader can start the slot.
  public var isStartable: Bool
  /// Version of the slot's release; `nil` if it is unknown.
  public var version: String?

  public init(slot: Slot, isRunning: Bool, isStandard: Bool, isStartable: Bool, version: String?) {
    self.slot = slot
    self.isRunning = isRunning
    self.isStandard = isStandard
    self.isStartable = isStartable
    self.version = version
  }
}

/// The progress of an installation, in bytes.
public struct InstallProgress: Codable, Sendable, Equatable {
  /// Version of the release.
  public var version: String
  /// Bytes of the images that are in their slot.
  public var done: UInt64
  /// Bytes of the images that were read back from the slot.
  public var checked: UInt64
  /// Total size of the images.
  public var total: UInt64
  /// Bytes read from the bundle.
  public var fetched: UInt64
  /// Bytes written to the slot. The other bytes were there already.
  public var written: UInt64

  public init(
    version: String, done: UInt64 = 0, checked: UInt64 = 0, total: UInt64 = 0, fetched: UInt64 = 0, written: UInt64 = 0
  ) {
    self.version = version
    self.done = done
    self.checked = checked
    self.total = total
    self.fetched = fetched
    self.written = written
  }

  /// Tenths of the work that are done. Reading back what was written counts as a second pass of the same length.
  ///
  /// From 0 to 20.
  public var tenths: Int { total == 0 ? 20 : Int((min(done, total) + min(checked, total)) * 10 / total) }

  /// The progress in words.
  public var summary: String {
    let percent = total == 0 ? 100 : (checked == 0 ? done : checked) * 100 / total
    let (fetched, written) = (ByteSize(bytes: Int64(clamping: fetched)), ByteSize(bytes: Int64(clamping: written)))
    return
      "\(checked == 0 ? "installing" : "checking") \(version): \(percent) %, \(fetched) received, \(written) written"
  }
}

/// A release on trial, or waiting for its trial.
public struct TrialStatus: Codable, Sendable, Equatable {
  public var slot: Slot
  /// Version of the release.
  public var version: String
  /// True if the release is running; false if it will be started next.
  public var isRunning: Bool

  public init(slot: Slot, version: String, isRunning: Bool) {
    self.slot = slot
    self.version = version
    self.isRunning = isRunning
  }
}

/// The health of a release on trial.
public struct HealthReport: Codable, Sendable, Equatable {
  /// The failed checks, as sentences; empty if all pass.
  public var problems: [String]
  /// Seconds for which all checks have passed.
  public var wellFor: Int
  /// Seconds for which they must pass.
  public var duration: Int
  /// Seconds until the release is rolled back.
  public var remaining: Int

  public init(problems: [String], wellFor: Int, duration: Int, remaining: Int) {
    self.problems = problems
    self.wellFor = wellFor
    self.duration = duration
    self.remaining = remaining
  }
}

/// The result of an update.
public struct UpdateRecord: Codable, Sendable, Equatable {
  /// The outcome of an update.
  public enum Outcome: String, Codable, Sendable {
    /// The release was installed, and waits for its trial.
    case installed
    /// The release passed its trial and is now the standard.
    case committed
    /// The device returned to the previous release.
    case rolledBack
    /// The release did not get to a trial.
    case failed
  }

  public var time: Timestamp
  public var outcome: Outcome
  /// Version of the release.
  public var version: String
  /// Slot of the release.
  public var slot: Slot
  /// The reason, for a reader; `nil` if there is none.
  public var reason: String?

  public init(time: Timestamp, outcome: Outcome, version: String, slot: Slot, reason: String? = nil) {
    self.time = time
    self.outcome = outcome
    self.version = version
    self.slot = slot
    self.reason = reason
  }
}
