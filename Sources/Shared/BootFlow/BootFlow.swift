import DeviceModel

/// How one boot loader chooses a slot, tries it once, and falls back.
///
/// Of the two slots one is the *standard*: what is started where there is nothing to try. The other may be on *trial*: started once, and
/// not again unless it is committed. Whatever a power cut leaves of an operation, the loader starts a slot that is whole; what each
/// write can leave is drawn in `docs/boot-flows.md`.
public protocol BootFlow {
  /// Name of the loader, for people.
  var loader: String { get }

  /// What the loader would do at its next start.
  ///
  /// - Throws: ``BootFlowFailure``, `SystemError`.
  func choice() throws -> BootChoice

  /// Sees to it that the loader does not start a slot any more, which may be written to then.
  ///
  /// - Throws: ``BootFlowFailure/isStandard(_:)`` for the standard slot, `SystemError`.
  func withdraw(_ slot: Slot) throws

  /// Lets the loader start a slot at its next start, and only then. The slot is complete.
  ///
  /// - Throws: ``BootFlowFailure``, `SystemError`.
  func offer(_ entry: BootEntry) throws

  /// Makes a slot the standard, on trial or not.
  ///
  /// - Throws: ``BootFlowFailure/notStartable(_:)`` for a slot that the loader does not know, `SystemError`.
  func commit(_ slot: Slot) throws

  /// What the loader knows of a slot; `nil` where it could not start it.
  func entry(of slot: Slot) throws -> BootEntry?
}

/// What a boot loader would do.
public struct BootChoice: Equatable, Sendable {
  /// A slot that is started once.
  public struct Trial: Equatable, Sendable {
    /// The slot.
    public var slot: Slot
    /// Whether that once has been: the slot is not started any more, or runs.
    public var isSpent: Bool

    /// Makes a trial.
    public init(_ slot: Slot, isSpent: Bool) {
      self.slot = slot
      self.isSpent = isSpent
    }
  }

  /// What is started where there is nothing to try; `nil` where the loader's records are damaged.
  public var standard: Slot?
  /// What is tried, or was.
  public var trial: Trial?

  /// Makes a choice.
  public init(standard: Slot?, trial: Trial? = nil) {
    self.standard = standard
    self.trial = trial
  }

  /// What is started next.
  public var next: Slot? {
    if let trial, !trial.isSpent { return trial.slot }
    return standard
  }
}

/// Why a boot loader cannot be told something.
public enum BootFlowFailure: Error, Equatable, CustomStringConvertible {
  /// The slot is what the loader starts.
  case isStandard(Slot)
  /// The loader has no entry for the slot.
  case notStartable(Slot)

  /// The reason for a reader.
  public var description: String {
    switch self {
    case .isStandard(let slot):
      "slot \(slot.rawValue) is what the device starts, and cannot be taken from the boot loader"
    case .notStartable(let slot): "the boot loader has no entry for slot \(slot.rawValue)"
    }
  }
}
