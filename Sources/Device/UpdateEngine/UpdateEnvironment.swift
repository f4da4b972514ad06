import BootFlow
import DeviceHardware
import DeviceModel
import FoundationEssentials
import Glibc
import LinuxSystem

/// What an update works on: the device, or what a test makes of it.
public struct UpdateEnvironment: Sendable {
  /// What the image is.
  public var plan: UpdatePlan
  /// How the device was started.
  public var boot: BootRecord
  /// Folder of the device's records on the data partition.
  public var records: String
  /// Root of trust that the image brings.
  public var trustRoot: String
  /// Where the boot partition is mounted while somebody works on it.
  public var bootFolder: String
  /// Mounts the boot partition.
  public var mount: @Sendable () throws -> Void
  /// Lets the kernel write to the mounted boot partition when and in what order it likes, or has it write at once again; then all is written.
  public var setLazy: @Sendable (Bool) throws -> Void
  /// Takes it away again.
  public var unmount: @Sendable () throws -> Void
  /// A file that is locked while slots are changed.
  public var lock: String
  /// Which start of the machine this is.
  public var startID: String
  /// Looks whether everything is well.
  public var problems: @Sendable () -> [String]
  /// Restarts the device in good order.
  public var restart: @Sendable () -> Void
  /// Is told what happens.
  public var note: @Sendable (String) -> Void
  /// Milliseconds for which somebody is waited for who changes slots.
  var lockPatience: UInt64 = 5000
  /// Folders of hooks.
  var hooks = UpdateHooks()

  /// Makes an environment of its parts.
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

  /// The device that this is.
  ///
  /// - Throws: where the image takes no updates, or stage 1 left no record.
  public static func device(note: @escaping @Sendable (String) -> Void) throws -> UpdateEnvironment {
    let plan = try JSONDecoder().decode(UpdatePlan.self, from: Data(try FileTree.read(UpdatePlan.path)))
    let boot = try JSONDecoder().decode(BootRecord.self, from: Data(try FileTree.read(BootRecord.path)))
    let folder = DevicePaths.run + "/boot"
    let partition = boot.bootPartition
    let restarts = RestartWatch()
    return UpdateEnvironment(
      plan: plan, boot: boot, records: DevicePaths.records, trustRoot: UpdatePlan.trustRoot, bootFolder: folder,
      lock: DevicePaths.run + "/update.lock",
      startID: FileTree.line("/proc/sys/kernel/random/boot_id") ?? "",
      mount: {
        // A system has the kernel's own helper for that, and modules that only it can decompress.
        if !FileTree.exists("/usr/sbin/modprobe") {
          let modules = HardwareModules(note: note)
          for name in ["vfat", "nls_cp437", "nls_ascii"] { modules.load(named: name) }
        }
        // Whoever was killed in the middle has left it there.
        if Mount.isMountPoint(folder) { try Mount.unmount(folder) }
        try Mount.mount(
          "vfat", from: partition, at: folder, BootFolder.mountFlags, options: BootFolder.mountOptions)
      },
      setLazy: { isLazy in
        if !isLazy { sync() }
        try Mount.remount(
          folder, isLazy ? BootFolder.mountFlags.subtracting(.synchronous) : BootFolder.mountFlags)
      },
      unmount: { try Mount.unmount(folder) },
      problems: { HealthCheck(plan.health, restarts).problems() },
      // PID 1, ours or systemd, restarts in good order.
      restart: { kill(1, SIGINT) }, note: note)
  }
}
