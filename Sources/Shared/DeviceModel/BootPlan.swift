/// What stage 1 of `init` needs to know: written by the host tool into the initial RAM file system.
///
/// Stage 1 finds the disk it was started from, makes the root file system available, and hands over to ``nextInit``.
public struct BootPlan: Codable, Sendable, Equatable {
  /// Where the plan stands in the initial RAM file system.
  public static let path = "/etc/cultivar/boot.json"

  /// The partitions of the layout, by what they are for.
  public var partitions: PartitionNumbers
  /// The file system of the slots.
  public var rootFileSystem: RootFileSystem
  /// What is done with writing to the root; `nil` where nothing of the root can be written.
  public var overlay: RootOverlay?
  /// Absolute paths of the root that outlive restarts; they need an ``overlay``.
  public var persistedPaths: [String]?
  /// Kernel modules that are always loaded, in this order, by name; the others are found by the hardware's aliases.
  public var modules: [String]
  /// The program that becomes PID 1 once the root file system is mounted, with its arguments (argv[0] first).
  public var nextInit: [String]
  /// Environment of ``nextInit``, as `NAME=value`.
  public var nextInitEnvironment: [String]
  /// Mount options of the data partition in addition to those that it always has; `nil` for none.
  public var dataMountOptions: [String]?
  /// Seconds to wait for the disk and its partitions to appear.
  public var deviceTimeout: Int
  /// Seconds between the message of a failure in stage 1 and the reboot.
  public var failureDelay: Int

  /// Makes a plan.
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

/// GPT partition numbers, from 1, of what a layout has on its disk.
public struct PartitionNumbers: Codable, Sendable, Equatable {
  /// The EFI system partition: boot loaders, and the kernel and initial RAM file system of each slot.
  public var boot: Int
  /// Root file system of slot A.
  public var rootA: Int
  /// Root file system of slot B; `nil` where the layout has one slot only.
  public var rootB: Int?
  /// What persists; the last partition on the disk, so that it can grow.
  public var data: Int

  /// Makes the numbers.
  public init(boot: Int, rootA: Int, rootB: Int?, data: Int) {
    self.boot = boot
    self.rootA = rootA
    self.rootB = rootB
    self.data = data
  }

  /// The partition that holds the root file system of `slot`; `nil` where the layout does not have the slot.
  public func root(of slot: Slot) -> Int? {
    switch slot {
    case .a: rootA
    case .b: rootB
    }
  }
}

/// What happens to what is written to the root of a system.
public enum RootOverlay: String, Codable, Sendable {
  /// It is kept in memory, and dropped at the next start.
  case dropped
}

/// One of the two copies of what an update replaces.
public enum Slot: String, Codable, Sendable, CaseIterable {
  /// The slot that a new image carries.
  case a
  /// The slot that is empty in a new image.
  case b

  /// The other one of the pair.
  public var other: Slot { self == .a ? .b : .a }
}

/// File systems that a root slot can hold.
public enum RootFileSystem: String, Codable, Sendable, CaseIterable {
  /// EROFS, not compressed: unchanged files stay identical blocks, so that deltas are small.
  case erofs
  /// SquashFS, compressed with zstd.
  case squashfs
  /// ext4, mounted read-only.
  case ext4
}

/// Parameters on the kernel command line that are Cultivar's own.
public enum KernelParameter {
  /// The slot that the boot loader chose: `cultivar.slot=a`.
  public static let slot = "cultivar.slot"
  /// The boot loader, by the raw value of its ``BootRecord/Loader``. systemd-boot does not say it.
  public static let loader = "cultivar.loader"
  /// The unique id of the partition that the boot loader was started from, where the loader can tell it on the
  /// command line (GRUB and U-Boot do; systemd-boot tells it by the EFI variable `LoaderDevicePartUUID`).
  public static let bootPartition = "cultivar.boot-partition"
  /// The boot loader tries the slot, and will not start it again by itself. systemd-boot tells it by the EFI variable
  /// `LoaderBootCountPath` instead.
  public static let trial = "cultivar.trial"
}
