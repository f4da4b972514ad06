/// Facts about the disk and this start that stage 1 determines and later programs read.
public struct BootRecord: Codable, Sendable, Equatable {
  /// Path of the record, valid until the next start.
  public static let path = DevicePaths.run + "/boot.json"

  /// The boot loader that started the device.
  public var loader: BootLoader
  /// The running slot.
  public var slot: Slot
  /// True if the slot is on trial: the boot loader will not start it again unless it is committed.
  public var isTrial: Bool
  /// True if the boot loader can try a slot exactly once. False for systemd-boot under firmware that may be unable to
  /// rename files.
  public var canTry: Bool
  /// Device node of the disk.
  public var disk: String
  /// Device node of the boot partition.
  public var bootPartition: String
  /// Device node of the root file system of slot A.
  public var rootA: String
  /// Device node of the root file system of slot B; `nil` if there is only one slot.
  public var rootB: String?

  public init(
    loader: BootLoader, slot: Slot, isTrial: Bool, canTry: Bool = true, disk: String, bootPartition: String,
    rootA: String, rootB: String?
  ) {
    self.loader = loader
    self.slot = slot
    self.isTrial = isTrial
    self.canTry = canTry
    self.disk = disk
    self.bootPartition = bootPartition
    self.rootA = rootA
    self.rootB = rootB
  }

  /// Device node of a slot's root file system.
  public func root(of slot: Slot) -> String? {
    switch slot {
    case .a: rootA
    case .b: rootB
    }
  }
}
