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
  /// Boot partition of slot A, if the slots have boot partitions of their own.
  public var bootA: SlotPartition?
  /// Boot partition of slot B.
  public var bootB: SlotPartition?
  /// Device node of the root file system of slot A.
  public var rootA: String
  /// Device node of the root file system of slot B; `nil` if there is only one slot.
  public var rootB: String?

  /// A partition that belongs to a slot.
  public struct SlotPartition: Codable, Sendable, Equatable {
    /// The number of the partition, as the firmware counts.
    public var number: Int
    /// The device node.
    public var path: String

    public init(number: Int, path: String) {
      self.number = number
      self.path = path
    }
  }

  public init(
    loader: BootLoader, slot: Slot, isTrial: Bool, canTry: Bool = true, disk: String, bootPartition: String,
    bootA: SlotPartition? = nil, bootB: SlotPartition? = nil, rootA: String, rootB: String?
  ) {
    self.loader = loader
    self.slot = slot
    self.isTrial = isTrial
    self.canTry = canTry
    self.disk = disk
    self.bootPartition = bootPartition
    self.bootA = bootA
    self.bootB = bootB
    self.rootA = rootA
    self.rootB = rootB
  }

  /// A slot's boot partition; `nil` if slots have none of their own.
  public func boot(of slot: Slot) -> SlotPartition? {
    switch slot {
    case .a: bootA
    case .b: bootB
    }
  }

  /// Device node of a slot's root file system.
  public func root(of slot: Slot) -> String? {
    switch slot {
    case .a: rootA
    case .b: rootB
    }
  }
}
