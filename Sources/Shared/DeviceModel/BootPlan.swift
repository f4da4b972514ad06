/// The plan for stage 1 of `init`. The host tool writes it into the initial RAM file system.
///
/// Stage 1 finds the disk that it was started from, mounts the root file system, and executes ``nextInit``.
public struct BootPlan: Codable, Sendable, Equatable {
  /// Path of the plan in the initial RAM file system.
  public static let path = "/etc/cultivar/boot.json"

  /// The partitions of the layout, by purpose.
  public var partitions: PartitionNumbers
  /// The file system of the slots.
  public var rootFileSystem: RootFileSystem
  /// The treatment of writes to the root; `nil` if the root is read-only.
  public var overlay: RootOverlay?
  /// Absolute paths in the root that persist over restarts. They need an ``overlay``.
  public var persistedPaths: [String]?
  /// Names of kernel modules that are always loaded, in this order. Other modules are found by the hardware's aliases.
  public var modules: [String]
  /// The program that becomes PID 1 after the root file system is mounted, with its arguments (argv[0] first).
  public var nextInit: [String]
  /// Environment of ``nextInit``, as `NAME=value`.
  public var nextInitEnvironment: [String]
  /// Additional mount options of the data partition; `nil` for none.
  public var dataMountOptions: [String]?
  /// Seconds to wait for the disk and its partitions to appear.
  public var deviceTimeout: Int
  /// Seconds between the message about a failure in stage 1 and the reboot.
  public var failureDelay: Int

  public init(
    partitions: PartitionNumbers, rootFileSystem: RootFileSystem, overlay: RootOverlay? = nil,
    persistedPaths: [String]? = nil, modules: [String],
    nextInit: [String], nextInitEnvironment: [String], dataMountOptions: [String]? = nil, deviceTimeout: Int,
    failureDelay: Int
  ) {
    self.partitions = partitions
    self.rootFileSystem = rootFileSystem
    self.overlay = overlay
    self.persistedPaths = persistedPaths
    self.modules = modules
    self.nextInit = nextInit
    self.nextInitEnvironment = nextInitEnvironment
    self.dataMountOptions = dataMountOptions
    self.deviceTimeout = deviceTimeout
    self.failureDelay = failureDelay
  }
}

/// Partition numbers of a layout, from 1.
public struct PartitionNumbers: Codable, Sendable, Equatable {
  /// The partition with the boot loaders, and the kernel and initial RAM file system of each slot. If the slots have
  /// boot partitions, the partition with the choice of a slot only.
  public var boot: Int
  /// Boot partition of slot A, if the slots have boot partitions of their own (``BootLoader/tryboot``).
  public var bootA: Int?
  /// Boot partition of slot B.
  public var bootB: Int?
  /// Root file system of slot A.
  public var rootA: Int
  /// Root file system of slot B; `nil` if the layout has only one slot.
  public var rootB: Int?
  /// The data partition, for everything that persists. It is the last partition on the disk, so that it can grow.
  public var data: Int

  public init(boot: Int, bootA: Int? = nil, bootB: Int? = nil, rootA: Int, rootB: Int?, data: Int) {
    self.boot = boot
    self.bootA = bootA
    self.bootB = bootB
    self.rootA = rootA
    self.rootB = rootB
    self.data = data
  }

  /// The boot partition of `slot`; `nil` if slots have none of their own.
  public func boot(of slot: Slot) -> Int? {
    switch slot {
    case .a: bootA
    case .b: bootB
    }
  }

  /// The partition with the root file system of `slot`; `nil` if the layout does not have the slot.
  public func root(of slot: Slot) -> Int? {
    switch slot {
    case .a: rootA
    case .b: rootB
    }
  }
}

/// The treatment of writes to the root of a system.
public enum RootOverlay: String, Codable, Sendable {
  /// Writes stay in memory and are dropped at the next start.
  case dropped
}

/// One of the two places for a release on a device. An update overwrites the slot that is not running.
public enum Slot: String, Codable, Sendable, CaseIterable {
  /// The slot that contains the release of a new image.
  case a
  /// The slot that is empty in a new image.
  case b

  /// The other slot.
  public var other: Slot { self == .a ? .b : .a }
}

/// File systems for a root slot.
public enum RootFileSystem: String, Codable, Sendable, CaseIterable {
  /// EROFS without compression: unchanged files are identical blocks, so deltas are small.
  case erofs
  /// SquashFS, compressed with zstd.
  case squashfs
  /// ext4, mounted read-only.
  case ext4
}

/// Cultivar's parameters on the kernel command line.
public enum KernelParameter {
  /// The slot that the boot loader chose: `cultivar.slot=a`.
  public static let slot = "cultivar.slot"
  /// The boot loader, as the raw value of its ``BootLoader``. Entries of systemd-boot do not have it.
  public static let loader = "cultivar.loader"
  /// The unique ID of the partition that the boot loader was started from. GRUB and U-Boot set it; systemd-boot uses
  /// the EFI variable `LoaderDevicePartUUID`. Under ``BootLoader/tryboot``, it is fixed in the slot's command line.
  public static let bootPartition = "cultivar.boot-partition"
  /// Present if the slot is on trial: the boot loader will not start it again unless it is committed. systemd-boot uses
  /// the EFI variable `LoaderBootCountPath` instead.
  public static let trial = "cultivar.trial"
}
