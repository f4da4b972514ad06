import BootFlow
import DeviceModel

/// The boot loaders of a disk: the one that started the device, and others that would start it on a machine with other
/// firmware.
struct SlotLoaders {
  let running: any BootFlow
  private let others: [any BootFlow]
  private let slot: Slot

  init(_ boot: BootRecord, _ folder: BootFolder) {
    slot = boot.slot
    running = Self.flow(of: boot.loader, folder)
    others = BootLoader.allCases.filter { $0 != boot.loader && !folder.names(in: Self.place(of: $0)).isEmpty }
      .map { Self.flow(of: $0, folder) }
  }

  private static func flow(of loader: BootLoader, _ folder: BootFolder) -> any BootFlow {
    switch loader {
    case .systemdBoot: SystemdBootFlow(folder)
    case .grub: GrubFlow(folder)
    case .uBoot: UBootFlow(folder)
    }
  }

  /// Returns the folder with a loader's records. A disk without it does not have that loader.
  private static func place(of loader: BootLoader) -> String {
    switch loader {
    case .systemdBoot: BootPartition.entries
    case .grub: BootPartition.grub
    case .uBoot: BootPartition.uBoot
    }
  }

  /// Removes the slot that does not run from all boot loaders. The running slot becomes their default.
  func withdrawOther() throws {
    try commit(slot)
    for flow in [running] + others { try flow.withdraw(slot.other) }
  }

  /// Makes a slot the default of all boot loaders, first of the one in use, as it decides.
  func commit(_ slot: Slot) throws {
    if try running.choice().standard != slot || running.choice().trial?.slot == slot { try running.commit(slot) }
    guard let entry = try running.entry(of: slot) else { throw BootFlowFailure.notStartable(slot) }
    for flow in others where try flow.choice().standard != slot {
      if try flow.entry(of: slot) == nil { try flow.offer(entry) }
      try flow.commit(slot)
    }
  }

  /// Returns the slots according to the boot loader in use.
  func slots(_ state: UpdateState, running version: String, hasTwo: Bool) throws -> [SlotStatus] {
    let standard = try running.choice().standard
    return try (hasTwo ? Slot.allCases : [.a]).map { slot in
      SlotStatus(
        slot: slot, isRunning: slot == self.slot, isStandard: slot == standard,
        isStartable: try running.entry(of: slot) != nil,
        version: slot == self.slot ? version : state[slot]?.version)
    }
  }
}
