import BootFlow
import DeviceHardware
import DeviceModel
import FoundationEssentials
import Glibc
import LinuxSystem

/// The parts of the device that an update works on. Tests provide their own.
public struct UpdateEnvironment: Sendable {
  /// The plan of the image.
  public var plan: UpdatePlan
  /// The record of how the device was started.
  public var boot: BootRecord
  /// The folder of the device's records on the data partition.
  public var records: String
  /// The path of the root of trust in the image.
  public var trustRoot: String
  /// The mount point of the boot partition while it is in use.
  public var bootFolder: String
  /// Mounts the boot partition.
  public var mount: @Sendable () throws -> Void
  /// Turns lazy writes to the mounted boot partition on or off. When it turns them off, all earlier writes reach the
  /// disk first.
  public var setLazy: @Sendable (Bool) throws -> Void
  /// Unmounts the boot partition.
  public var unmount: @Sendable () throws -> Void
  /// The path of a file that is locked while slots change.
  public var lock: String
  /// The ID of this boot.
  public var startID: String
  /// Returns the current health problems.
  public var problems: @Sendable () -> [String]
  /// Shuts the programs down and restarts the device.
  public var restart: @Sendable () -> Void
  /// Sets the argument of the next restart for the firmware.
  public var setRestartArgument: @Sendable (String) throws -> Void = { _ in }
  /// Receives a line about each event.
  public var note: @Sendable (String) -> Void
  /// Milliseconds to wait for the lock.
  var lockPatience: UInt64 = 5000
  var hooks = UpdateHooks()

  public init(
    plan: UpdatePlan, boot: BootRecord, records: String, trustRoot: String, bootFolder: String, lock: String,
    startID: String, mount: @escaping @Sendable () throws -> Void = {},
    setLazy: @escaping @Sendable (Bool) throws -> Void = { _ in },
    unmount: @escaping @Sendable () throws -> Void = {}, problems: @escaping @Sendable () -> [String] = { [] },
    restart: @escaping @Sendable () -> Void = {}, note: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.plan = plan
    self.boot = boot
    self.records = records
    self.trustRoot = trustRoot
    self.bootFolder = bootFolder
    self.mount = mount
    self.setLazy = setLazy
    self.unmount = unmount
    self.lock = lock
    self.startID = startID
    self.problems = problems
    self.restart = restart
    self.note = note
  }

  /// Returns the environment of the running device.
  ///
  /// - Throws: An error if the image takes no updates, or stage 1 left no record.
  public static func device(note: @escaping @Sendable (String) -> Void) throws -> UpdateEnvironment {
    let plan = try JSONDecoder().decode(UpdatePlan.self, from: Data(try FileTree.read(UpdatePlan.path)))
    let boot = try JSONDecoder().decode(BootRecord.self, from: Data(try FileTree.read(BootRecord.path)))
    let folder = DevicePaths.run + "/boot"
    let partition = boot.bootPartition
    let restarts = RestartWatch()
    // The slots of such a disk are chosen by sectors of partitions that are not mounted.
    let isMounted = boot.loader != .tryboot
    var environment = UpdateEnvironment(
      plan: plan, boot: boot, records: DevicePaths.records, trustRoot: UpdatePlan.trustRoot, bootFolder: folder,
      lock: DevicePaths.run + "/update.lock",
      startID: FileTree.line("/proc/sys/kernel/random/boot_id") ?? "",
      mount: {
        guard isMounted else { return }
        // A system loads modules itself, and only its own tool can decompress them.
        if !FileTree.exists("/usr/sbin/modprobe") {
          let modules = HardwareModules(note: note)
          for name in ["vfat", "nls_cp437", "nls_ascii"] { modules.load(named: name) }
        }
        // An updater that was killed leaves it mounted.
        if Mount.isMountPoint(folder) { try Mount.unmount(folder) }
        try Mount.mount(
          "vfat", from: partition, at: folder, BootFolder.mountFlags, options: BootFolder.mountOptions)
      },
      setLazy: { isLazy in
        guard isMounted else { return sync() }
        if !isLazy { sync() }
        try Mount.remount(
          folder, isLazy ? BootFolder.mountFlags.subtracting(.synchronous) : BootFolder.mountFlags)
      },
      unmount: { if isMounted { try Mount.unmount(folder) } },
      problems: { HealthCheck(plan.health, restarts).problems() },
      // SIGINT makes PID 1, Cultivar's or systemd, restart in good order.
      restart: { kill(1, SIGINT) }, note: note)
    environment.setRestartArgument = { argument in
      let isSystem = FileTree.isFolder("/run/systemd/system")
      try FileTree.replace(
        isSystem ? DevicePaths.systemdRestartArgument : DevicePaths.restartArgument, with: Array("\(argument)\n".utf8),
        mode: 0o600)
    }
    return environment
  }
}
