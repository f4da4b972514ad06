/// What stage 1 found out about the disk and this start, for whoever comes after it.
public struct BootRecord: Codable, Sendable, Equatable {
  /// Where it stands, until the next start.
  public static let path = DevicePaths.run + "/boot.json"

  /// What chose the slot, and can be told to choose another one.
  public enum Loader: String, Codable, Sendable, CaseIterable {
    /// systemd-boot, by UEFI.
    case systemdBoot = "systemd-boot"
    /// GRUB, by BIOS or UEFI.
    case grub
    /// U-Boot.
    case uBoot = "u-boot"

    /// Its name for people.
    public var title: String {
      switch self {
      case .systemdBoot: "systemd-boot"
      case .grub: "GRUB"
      case .uBoot: "U-Boot"
      }
    }
  }

  /// The boot loader that started the device.
  public var loader: Loader
  /// The slot that runs.
  public var slot: Slot
  /// Whether the boot loader tries the slot, and will not start it again by itself.
  public var isTrial: Bool
  /// Whether the boot loader can be told to try a slot once: not systemd-boot under a firmware that may not be able to rename files.
  public var canTry: Bool
  /// Device node of the disk.
  public var disk: String
  /// Device nodes: of the boot partition, of the root file systems by slot; the second one is `nil` where there is one slot only.
  public var bootPartition: String
  /// Root of slot A.
  public var rootA: String
  /// Root of slot B.
  public var rootB: String?

  /// Makes a record.
  public init(
    loader: Loader, slot: Slot, isTrial: Bool, canTry: Bool = true, disk: String, bootPartition: String,
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
