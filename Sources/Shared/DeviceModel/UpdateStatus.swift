/// What a device says about its slots and updates.
public struct UpdateStatus: Codable, Sendable, Equatable {
  /// What is being done.
  public enum Activity: Sendable, Equatable {
    /// Nothing.
    case idle
    /// A bundle is being looked at. Nothing of a slot has changed.
    case preparing
    /// A bundle is being installed.
    case installing(InstallProgress)
    /// All is written, and is read back from the disk; then the hooks are asked and the boot loader is told.
    case checking(InstallProgress)
    /// A release is on trial: what is not well yet, or for how many seconds everything has been.
    case watching(HealthReport)
  }

  /// What the device is.
  public var image: ImageIdentity
  /// Name of the boot loader.
  public var loader: String
  /// The slots, A first.
  public var slots: [SlotStatus]
  /// What is being done.
  public var activity: Activity
  /// The release that waits for its trial or is on it; `nil` where there is none.
  public var trial: TrialStatus?
  /// Security epoch that releases must have.
  public var securityEpoch: UInt64
  /// What became of the last updates, the newest last.
  public var history: [UpdateRecord]

  /// Puts a status together.
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

/// As JSON an object with its `state`, and what there is to say of it.
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

  /// Reads the object.
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

  /// Writes the object.
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

/// A slot, as the boot loader knows it.
public struct SlotStatus: Codable, Sendable, Equatable {
  /// The slot.
  public var slot: Slot
  /// Whether it runs.
  public var isRunning: Bool
  /// Whether it is what the boot loader starts where there is nothing to try.
  public var isStandard: Bool
  /// Whether the boot loader can start it.
  public var isStartable: Bool
  /// Version of its release, where that is known.
  public var version: String?

  /// Makes a status.
  public init(slot: Slot, isRunning: Bool, isStandard: Bool, isStartable: Bool, version: String?) {
    self.slot = slot
    self.isRunning = isRunning
    self.isStandard = isStandard
    self.isStartable = isStartable
    self.version = version
  }
}

/// How far an installation is, in bytes.
public struct InstallProgress: Codable, Sendable, Equatable {
  /// Version of the release.
  public var version: String
  /// Of the images, in their slot.
  public var done: UInt64
  /// Of the images, read back from the slot and found to be what was signed.
  public var checked: UInt64
  /// Of the images altogether.
  public var total: UInt64
  /// Read from the bundle.
  public var fetched: UInt64
  /// Written to the slot; the rest was there already.
  public var written: UInt64

  /// Makes a progress.
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
}

/// A release that is to prove itself.
public struct TrialStatus: Codable, Sendable, Equatable {
  /// Its slot.
  public var slot: Slot
  /// Its version.
  public var version: String
  /// Whether it runs; otherwise it is started next.
  public var isRunning: Bool

  /// Makes a status.
  public init(slot: Slot, version: String, isRunning: Bool) {
    self.slot = slot
    self.version = version
    self.isRunning = isRunning
  }
}

/// How well a release on trial is.
public struct HealthReport: Codable, Sendable, Equatable {
  /// What is not well, in sentences; empty where everything is.
  public var problems: [String]
  /// Seconds for which everything has been well.
  public var wellFor: Int
  /// Seconds for which it has to be.
  public var duration: Int
  /// Seconds until the release is given up.
  public var remaining: Int

  /// Makes a report.
  public init(problems: [String], wellFor: Int, duration: Int, remaining: Int) {
    self.problems = problems
    self.wellFor = wellFor
    self.duration = duration
    self.remaining = remaining
  }
}

/// What became of an update.
public struct UpdateRecord: Codable, Sendable, Equatable {
  /// How it ended.
  public enum Outcome: String, Codable, Sendable {
    /// Its release was installed, and waits for its trial.
    case installed
    /// Its release proved itself and is what the device starts.
    case committed
    /// Its release was left: the device is back at the one before.
    case rolledBack
    /// It did not come to a trial.
    case failed
  }

  /// When.
  public var time: Timestamp
  /// How it ended.
  public var outcome: Outcome
  /// Version of the release.
  public var version: String
  /// Slot of the release.
  public var slot: Slot
  /// Why, for a reader; `nil` where there is nothing to tell.
  public var reason: String?

  /// Makes a record.
  public init(time: Timestamp, outcome: Outcome, version: String, slot: Slot, reason: String? = nil) {
    self.time = time
    self.outcome = outcome
    self.version = version
    self.slot = slot
    self.reason = reason
  }
}
