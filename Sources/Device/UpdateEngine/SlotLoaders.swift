import BootFlow
import DeviceModel

/// The boot loaders of a disk: the one that started the device, and others that would start it on a machine with other
/// firmware.
struct SlotLoaders {
  let running: any BootFlow
  private let others: [any BootFlow]
  private let slot: Slot

  /// - Throws: `SystemError` if a partition of the boot loader in use cannot be opened.
  init(_ boot: BootRecord, _ folder: BootFolder) throws {
    slot = boot.slot
    guard boot.loader != .tryboot else {
      running = try TrybootFlow(boot)
      others = []
      return
    }
    let flows: [(loader: BootLoader, records: String, flow: any BootFlow)] = [
      (.systemdBoot, BootPartition.entries, SystemdBootFlow(folder)),
      (.grub, BootPartition.grub, GrubFlow(folder)),
      (.uBoot, BootPartition.uBoot, UBootFlow(folder)),
    ]
    running = flows.first { $0.loader == boot.loader }?.flow ?? SystemdBootFlow(folder)
    // A disk without the folder of a loader's records does not have that loader.
    others = flows.filter { $0.loader != boot.loader && !folder.names(in: $0.records).isEmpty }.map(\.flow)
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
