import DeviceModel
import FATFileSystem
import LinuxSystem

/// The boot flow of Raspberry Pi's firmware: `autoboot.txt` and the firmware's one-shot flag (Raspberry Pi
/// documentation, "autoboot.txt" and "Fail-safe OS updates").
///
/// Each slot has a boot partition of its own, with firmware, kernel, initial RAM file system, device trees and command
/// line. A small partition has `autoboot.txt`, which names the default boot partition, and the one to start if the flag
/// is set. A restart with the argument `0 tryboot` sets the flag; the firmware clears it before it starts a partition.
///
/// All writes are single sectors of partitions that are not mounted: FAT has no journal, and a sector is old or new
/// after a power cut. No write changes an allocation table or a folder.
///
/// The flag does not outlive a loss of power. So the trial is recorded as waiting until ``beginTrial()``, and a device
/// that was switched off in between restarts once more, with the flag.
public struct TrybootFlow: BootFlow {
  /// The argument of a restart that makes the firmware start the partition of the section `[tryboot]`.
  public static let restartArgument = "0 tryboot"

  private let configuration: any SectorStorage
  private let slots: [SlotBootPartition]

  /// - Parameters:
  ///   - configuration: The partition with `autoboot.txt`.
  ///   - slots: The boot partitions of slots A and B.
  public init(configuration: any SectorStorage, _ slots: [SlotBootPartition]) {
    self.configuration = configuration
    self.slots = slots
  }

  /// Opens the partitions of a device.
  ///
  /// - Throws: `SystemError`.
  public init(_ boot: BootRecord) throws {
    self.init(
      configuration: try BlockDevice(boot.bootPartition, writable: true),
      try Slot.allCases.compactMap { slot in
        try boot.boot(of: slot).map {
          SlotBootPartition(slot, number: $0.number, on: try BlockDevice($0.path, writable: true))
        }
      })
  }

  public var loader: String { BootLoader.tryboot.title }
  public var waitsForRestart: Bool { true }

  // MARK: A new image

  /// The content of `autoboot.txt` in a new image.
  ///
  /// - Parameters:
  ///   - numbers: The numbers of the boot partitions of slots A and B. The slot with the release, A, becomes the
  ///     standard.
  public static func autoboot(numbers: (a: Int, b: Int)) -> [UInt8] {
    Autoboot(standard: numbers.a, other: numbers.b).bytes
  }

  /// The content of `cmdline.txt` in the boot image of a release, which is that of slot A.
  ///
  /// - Parameters:
  ///   - entry: The slot's boot entry.
  ///   - bootPartition: The unique ID of the partition with `autoboot.txt`, by which stage 1 finds the disk.
  public static func commandLine(of entry: BootEntry, bootPartition: String) -> [UInt8] {
    var image = entry
    image.slot = .a
    let words = image.options(loader: .tryboot) + ["\(KernelParameter.bootPartition)=\(bootPartition)"]
    return Array((words.joined(separator: " ") + "\n").utf8)
  }

  // MARK: autoboot.txt

  /// The sector with the whole of `autoboot.txt`, and its content.
  private func file() throws -> (lba: UInt64, bytes: [UInt8]) {
    let size = UInt64(BlockDevice.sectorSize)
    var found: (lba: UInt64, bytes: [UInt8])?
    do {
      let files = try FATFileSystem(length: configuration.sectorCount * size, configuration.bytes)
      try files.walk(intoFolders: false) { path, entry in
        // A longer file is not Cultivar's, and is not in one sector.
        guard path.lowercased() == Autoboot.file, !entry.isFolder, entry.size == UInt64(Autoboot.length) else { return }
        try files.forEachPlacedPiece(of: entry) { bytes, offset in found = (offset / size, bytes) }
      }
    } catch let failure as FATFileSystem.Failure {
      throw BootFlowFailure.noAutoboot(configuration.path, reason: "the file system cannot be read: \(failure.reason)")
    }
    guard let found else {
      throw BootFlowFailure.noAutoboot(
        configuration.path, reason: "it has no \(Autoboot.file) of \(Autoboot.length) bytes")
    }
    return found
  }

  /// The record; `nil` if the content of the file is not Cultivar's.
  private func record() throws -> Autoboot? { Autoboot(try file().bytes, of: slots.map(\.number)) }

  /// Replaces the content of `autoboot.txt`: one sector, which is old or new after a power cut. The clusters and the
  /// folder entry of the file do not change.
  private func write(_ record: Autoboot) throws {
    let lba = try file().lba
    var sector = try configuration.read(lba, 1)
    sector.replaceSubrange(0..<Autoboot.length, with: record.bytes)
    try configuration.replace(sector: lba, with: sector)
  }

  private func partition(_ slot: Slot) throws -> SlotBootPartition {
    guard let partition = slots.first(where: { $0.slot == slot }) else { throw BootFlowFailure.notStartable(slot) }
    return partition
  }

  private func isStartable(_ slot: Slot) throws -> Bool { try entry(of: slot) != nil }

  private func record(standard: Slot, trial: Autoboot.Trial) throws -> Autoboot {
    Autoboot(
      standard: try partition(standard).number, other: try partition(standard.other).number, trial: trial)
  }

  // MARK: The protocol

  /// Reads `autoboot.txt`. Without one of Cultivar's, the firmware starts the first partition that it can start.
  public func choice() throws -> BootChoice {
    let record = try record()
    let preferred = record.flatMap { record in slots.first { $0.number == record.standard } }
    let order = (preferred.map { [$0] } ?? []) + slots.sorted { $0.number < $1.number }
    guard let standard = try order.map(\.slot).first(where: isStartable) else { return BootChoice(standard: nil) }
    guard let record, record.trial != .none, standard == preferred?.slot, try isStartable(standard.other) else {
      return BootChoice(standard: standard)
    }
    return BootChoice(standard: standard, trial: .init(standard.other, isSpent: record.trial == .begun))
  }

  /// Removes the slot's trial, then seals the slot.
  public func withdraw(_ slot: Slot) throws {
    if try choice().standard == slot { throw BootFlowFailure.isStandard(slot) }
    let partition = try partition(slot)
    // Power cut before this sector: a trial of a complete slot, as before. After it: no trial.
    try write(try record(standard: slot.other, trial: .none))
    // After this sector, no firmware starts the slot, not even one that walks through all partitions because it cannot
    // start the default. Before it, the slot is complete.
    try partition.seal()
    // Makes the partition equal to the release's image, so that an installation can continue after an interruption. A
    // partition that is cut off before has the letter changed by the next call.
    try partition.name(.a)
  }

  /// Names the slot in the kernel command line, restores the first sector, then records the trial.
  ///
  /// The command line is part of the slot's image, so the one of the entry is not used.
  public func offer(_ entry: BootEntry) throws {
    let standard = try choice().standard
    if standard == entry.slot { throw BootFlowFailure.isStandard(entry.slot) }
    let partition = try partition(entry.slot)
    // The slot is sealed, or names itself already: nothing that the firmware would start changes here.
    guard try partition.name(entry.slot) else { throw BootFlowFailure.notStartable(entry.slot) }
    // Power cut before this sector: no such slot. After it: a complete slot, which is not the default.
    try partition.unseal()
    guard try isStartable(entry.slot) else { throw BootFlowFailure.notStartable(entry.slot) }
    // Power cut before this sector: no trial. After it: a trial that waits for a restart.
    try write(try record(standard: entry.slot.other, trial: .waiting))
  }

  /// Makes the slot the default with one sector.
  public func commit(_ slot: Slot) throws {
    guard try isStartable(slot) else { throw BootFlowFailure.notStartable(slot) }
    try write(try record(standard: slot, trial: .none))
  }

  /// The entry of a slot, without title and version, which no menu shows.
  public func entry(of slot: Slot) throws -> BootEntry? { try partition(slot).entry() }

  /// Records that the trial has begun. The trial is not repeated afterwards, even if the restart does not happen.
  public func beginTrial() throws -> String? {
    guard let trial = try choice().trial else { return nil }
    if trial.isSpent { return nil }
    try write(try record(standard: trial.slot.other, trial: .begun))
    return Self.restartArgument
  }
}
