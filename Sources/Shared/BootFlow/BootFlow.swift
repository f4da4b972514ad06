import DeviceModel

/// The choice of a slot, its trial, and the fallback to the other slot, for one boot loader.
///
/// One of the two slots is the *standard*: the loader starts it unless there is a trial. The other slot may be on
/// *trial*: the loader starts it once, and not again unless it is committed. If the power fails during any operation,
/// the loader still starts a complete slot. `docs/boot-flows.md` shows the state that each write can leave behind.
public protocol BootFlow {
  /// Name of the loader, for display.
  var loader: String { get }

  /// Reads the loader's choice for its next start.
  ///
  /// - Throws: ``BootFlowFailure``, `SystemError`.
  func choice() throws -> BootChoice

  /// Makes sure that the loader no longer starts a slot. After this call the slot may be overwritten.
  ///
  /// - Throws: ``BootFlowFailure/isStandard(_:)`` for the standard slot, `SystemError`.
  func withdraw(_ slot: Slot) throws

  /// Puts a complete slot on trial: the loader starts it at its next start, and only then.
  ///
  /// - Throws: ``BootFlowFailure``, `SystemError`.
  func offer(_ entry: BootEntry) throws

  /// Makes a slot the standard, even if it was not on trial.
  ///
  /// - Throws: ``BootFlowFailure/notStartable(_:)`` for a slot without an entry in the loader, `SystemError`.
  func commit(_ slot: Slot) throws

  /// Reads the loader's entry for a slot; `nil` if the loader cannot start the slot.
  func entry(of slot: Slot) throws -> BootEntry?

  /// True if a trial begins only with a restart after ``beginTrial()``. Until then it waits, also across power cuts.
  var waitsForRestart: Bool { get }

  /// Prepares a restart that begins the trial on offer. The trial is spent afterwards.
  ///
  /// - Returns: The argument of the restart (`reboot(2)`, `LINUX_REBOOT_CMD_RESTART2`). `nil` if no trial is on offer,
  ///   or if the loader begins trials itself.
  /// - Throws: ``BootFlowFailure``, `SystemError`.
  func beginTrial() throws -> String?
}

extension BootFlow {
  /// False: most loaders count a trial themselves.
  public var waitsForRestart: Bool { false }

  /// Returns `nil`: most loaders begin trials themselves.
  public func beginTrial() throws -> String? { nil }
}

/// A boot loader's choice of the slot to start.
public struct BootChoice: Equatable, Sendable {
  /// A slot that is started once.
  public struct Trial: Equatable, Sendable {
    public var slot: Slot
    /// True if the loader has used its one try: it does not start the slot again, or the slot is running.
    public var isSpent: Bool

    public init(_ slot: Slot, isSpent: Bool) {
      self.slot = slot
      self.isSpent = isSpent
    }
  }

  /// The slot that is started unless there is a trial; `nil` if the loader's records are damaged.
  public var standard: Slot?
  /// The slot on trial, including a trial that is spent.
  public var trial: Trial?

  public init(standard: Slot?, trial: Trial? = nil) {
    self.standard = standard
    self.trial = trial
  }

  /// The slot that the loader starts next.
  public var next: Slot? {
    if let trial, !trial.isSpent { return trial.slot }
    return standard
  }
}

/// An error of a change to the boot loader's choice.
public enum BootFlowFailure: Error, Equatable, CustomStringConvertible {
  /// The slot is the standard, which cannot be withdrawn.
  case isStandard(Slot)
  /// The loader has no entry for the slot.
  case notStartable(Slot)
  /// The partition has no `autoboot.txt` that can be overwritten in place.
  case noAutoboot(_ partition: String, reason: String)

  public var description: String {
    switch self {
    case .isStandard(let slot):
      "slot \(slot.rawValue) is the default slot, and its boot entry cannot be removed"
    case .notStartable(let slot): "the boot loader has no entry for slot \(slot.rawValue)"
    case .noAutoboot(let partition, let reason):
      "cannot change the firmware's choice on \(partition): \(reason). Write the image to the disk again"
    }
  }
}
