import DeviceModel
import DeviceRecords
import FoundationEssentials
import Glibc
import LinuxSystem
import PartitionTable

/// Stage 1: PID 1 in the initial RAM file system, from the kernel's start to the program in the root file system.
public final class InitialStage {
  private static let newRoot = "/newroot"
  /// Characters of a report that are recorded.
  private static let recordLimit = 500
  /// Seconds that a trial has from its disk to the next stage.
  private static let trialTimeout = 60
  private static let ramFileSystems: [UInt64] = [0x8584_58F6, 0x0102_1994]

  /// Opened at the first message, when there are device nodes.
  private lazy var log = KernelLog()
  private var failureDelay = 10
  private var slot: Slot?
  /// Armed for a trial, and left to whoever comes next.
  private var watchdog: Watchdog?
  /// Where failures are recorded, once the data partition is mounted.
  private var failures: FailureLog?

  /// Whether this process stands in the initial RAM file system.
  public static var isHere: Bool {
    FileTree.exists(BootPlan.path) && ramFileSystems.contains(Mount.fileSystemMagic(at: "/"))
  }

  /// Makes the stage.
  public init() {}

  /// Brings the root file system up and becomes the next program; after a failure: tells, records, reboots.
  public func run() -> Never {
    do {
      try start()
    } catch {
      fail("\(error)")
    }
  }

  private func start() throws -> Never {
    try mountKernelFileSystems()
    let plan = try JSONDecoder().decode(BootPlan.self, from: Data(try FileTree.read(BootPlan.path)))
    failureDelay = plan.failureDelay
    let commandLine = KernelCommandLine.running
    guard let slot = commandLine.slot else {
      throw StageFailure("the boot loader does not tell the slot: there is no \(KernelParameter.slot)=a or =b")
    }
    self.slot = slot

    let events = try DeviceEvents()
    let modules = HardwareModules { [log] in log.note($0) }
    let fileSystems = modules.loadInBackground(named: plan.modules)
    mountFirmwareVariables(modules)
    let partition = try BootIdentity.bootPartition(commandLine: commandLine)
    let waiting = DeviceWait(events: events, modules: modules, timeout: plan.deviceTimeout)
    let disk = try waiting.bootDisk(holding: partition)
    let isTrial = BootIdentity.isTrial(commandLine: commandLine)
    log.note("started from \(disk.path), slot \(slot.rawValue)\(isTrial ? ", on trial" : "")")
    // From here on a trial that hangs ends by itself. It is not fed any more: the next stage has as long to take it over. At any
    // other start that is the next stage's to decide.
    if isTrial { watchdog = Watchdog(timeout: Self.trialTimeout) }

    try DiskPreparation(disk: disk, dataPartition: plan.partitions.data) { [log] in log.note($0) }.run()
    guard let rootNumber = plan.partitions.root(of: slot) else {
      throw StageFailure("the boot loader chose slot \(slot.rawValue), and this image has one slot only")
    }
    let root = try waiting.partition(rootNumber, of: disk)
    let data = try waiting.partition(plan.partitions.data, of: disk)
    for failure in fileSystems.wait() { log.note(failure) }
    let bootPartition = try waiting.partition(plan.partitions.boot, of: disk)
    let loader = BootIdentity.loader(commandLine: commandLine)
    let record = BootRecord(
      loader: loader, slot: slot, isTrial: isTrial, canTry: BootIdentity.canTry(loader),
      disk: disk.path, bootPartition: bootPartition, rootA: try waiting.partition(plan.partitions.rootA, of: disk),
      rootB: try plan.partitions.rootB.map { try waiting.partition($0, of: disk) })
    try FileTree.makeFolders(DevicePaths.run)
    try FileTree.replace(BootRecord.path, with: Array(try JSONEncoder().encode(record)))
    try mountRoot(root, plan)
    if let next = plan.nextInit.first { FileTree.readAhead(Self.newRoot + next) }
    try mountData(data, options: plan.dataMountOptions ?? [])
    creditRandomSeed()
    let values = takeFirstBootValues(hasSystem: plan.overlay != nil) {
      try self.firstBootFile(on: bootPartition, modules)
    }
    leaveTokenHash(values)
    if plan.overlay != nil {
      try writeMachineID()
      for problem in SystemSettings(root: Self.newRoot).apply(values) { tell(problem) }
      PersistedPaths(root: Self.newRoot) { [self] in tell($0) }.bind(plan.persistedPaths ?? [])
    }
    try switchRoot(to: plan)
  }

  private func mountKernelFileSystems() throws {
    try Mount.mountOnce("devtmpfs", at: "/dev", [.noSetUserID], options: "mode=755")
    try StandardDescriptors.openConsole()
    try Mount.mountOnce("proc", at: "/proc", [.noSetUserID, .noDevices, .noExecution])
    try Mount.mountOnce("sysfs", at: "/sys", [.noSetUserID, .noDevices, .noExecution])
    try Mount.mount("tmpfs", from: "tmpfs", at: "/run", [.noSetUserID, .noDevices], options: "mode=755")
  }

  /// Without the variables the boot loader may still tell everything on the command line, so nothing here is fatal.
  private func mountFirmwareVariables(_ modules: HardwareModules) {
    let folder = "/sys/firmware/efi/efivars"
    guard FileTree.exists("/sys/firmware/efi") else { return }
    modules.load(named: "efivarfs")
    do {
      try Mount.mountOnce("efivarfs", at: folder, [.noSetUserID, .noDevices, .noExecution])
    } catch {
      log.note("\(error)")
    }
  }

  private func mountRoot(_ path: String, _ plan: BootPlan) throws {
    let place = plan.overlay == nil ? Self.newRoot : DevicePaths.imageRoot
    try Mount.mount(plan.rootFileSystem.rawValue, from: path, at: place, [.readOnly])
    log.note("root file system: \(path) (\(plan.rootFileSystem.rawValue))")
    if plan.overlay != nil { try mountOverlay() }
  }

  /// Puts a writable layer in memory upon the image's root. Both stay visible below `/run`, for whoever wants to see what was
  /// changed.
  private func mountOverlay() throws {
    let layer = DevicePaths.volatileLayer
    try Mount.mount("tmpfs", from: "tmpfs", at: layer, [.noDevices], options: "mode=755")
    for folder in ["upper", "work"] { try FileTree.makeFolders("\(layer)/\(folder)") }
    try Mount.mount(
      "overlay", from: "overlay", at: Self.newRoot,
      options: "lowerdir=\(DevicePaths.imageRoot),upperdir=\(layer)/upper,workdir=\(layer)/work")
  }

  /// A system's own init reads the id of the machine from the root, where this start's layer takes it.
  private func writeMachineID() throws {
    let id = try DeviceRecords(in: Self.newRoot + DevicePaths.records).machineID()
    try FileTree.replace(Self.newRoot + "/etc/machine-id", with: Array("\(id)\n".utf8), mode: 0o444)
  }

  private func mountData(_ path: String, options: [String]) throws {
    let (outcome, output) = FileSystemCheck().check(path)
    if case .failed(let reason) = outcome {
      throw StageFailure("the data file system on \(path) cannot be corrected: \(reason)\n\(output)")
    }
    let target = Self.newRoot + DevicePaths.data
    let (flags, others) = Mount.Flags.parsed(options)
    try Mount.mount(
      "ext4", from: path, at: target, flags.union([.noSetUserID, .noDevices, .noAccessTimes]), options: others)
    let records = FailureLog(in: Self.newRoot + DevicePaths.records)
    failures = records
    // Now, as nobody else writes yet: programs may fill the partition later.
    do { try records.reserve() } catch { log.note("the data partition has no room for records of failures: \(error)") }
    if try Ext4.grow(at: target, on: path) { log.note("the data file system was extended to all of \(path)") }
    if outcome == .corrected {
      log.note("the data file system on \(path) was corrected")
      // The end tells most, and a record is no place for a report of thousands of lines.
      record("the data file system was corrected: \(output.suffix(Self.recordLimit))")
    }
  }

  /// Here and not in stage 2, which on a machine without a source of its own would wait for randomness before its first line:
  /// the Swift runtime draws the seed of its hash tables.
  private func creditRandomSeed() {
    do {
      try DeviceRecords(in: Self.newRoot + DevicePaths.records).creditRandomSeed()
    } catch {
      log.note("\(error)")
    }
  }

  /// The values for the first start: at that start those of the boot partition, which are kept, and later the kept ones.
  ///
  /// A device starts without them as well, so nothing here is fatal; a file that is not right is looked at again at the next start.
  private func takeFirstBootValues(hasSystem: Bool, reading file: () throws -> [UInt8]?) -> FirstBootValues {
    do {
      let records = try DeviceRecords(in: Self.newRoot + DevicePaths.records)
      if let kept = try records.firstBootValues() { return kept }
      let values = try FirstBootValues(try file() ?? [])
      for problem in SystemSettings.problems(of: values, in: Self.newRoot, isSystem: hasSystem) { tell(problem) }
      try records.keep(values)
      return values
    } catch {
      tell("\(FirstBootValues.fileName) is not taken over: \(error)")
      return FirstBootValues()
    }
  }

  /// The file on the boot partition; `nil` where there is none.
  private func firstBootFile(on partition: String, _ modules: HardwareModules) throws -> [UInt8]? {
    for name in ["vfat", "nls_cp437", "nls_ascii"] { modules.load(named: name) }
    let place = "/boot"
    try FileTree.makeFolders(place)
    try Mount.mount("vfat", from: partition, at: place, [.readOnly, .noSetUserID, .noDevices, .noExecution])
    defer { try? Mount.unmount(place) }
    let path = "\(place)/\(FirstBootValues.fileName)"
    return FileTree.exists(path) ? try FileTree.read(path, limit: FirstBootValues.sizeLimit + 1) : nil
  }

  /// Leaves the hash of the management token for the daemon, which cannot read the values: among them are secrets of others.
  private func leaveTokenHash(_ values: FirstBootValues) {
    guard let hash = values[.managementTokenHash],
      let daemon = UserFile.user(named: "cultivard", in: Self.newRoot + "/etc/passwd")
    else { return }
    do {
      try FileTree.replace(DevicePaths.tokenHash, with: Array(hash.utf8), mode: 0o400)
      chown(DevicePaths.tokenHash, daemon.uid, daemon.gid)
    } catch {
      tell("\(error)")
    }
  }

  private func tell(_ problem: String) {
    log.note(problem)
    record(problem)
  }

  private func switchRoot(to plan: BootPlan) throws -> Never {
    for folder in ["/dev", "/proc", "/sys", "/run"] { try Mount.move(folder, to: Self.newRoot + folder) }
    guard chdir(Self.newRoot) == 0 else { throw SystemError("change to", Self.newRoot) }
    // Frees the memory of the initial RAM file system; mounted file systems are not entered.
    FileTree.removeContents(of: "/")
    try Mount.move(".", to: "/")
    guard chroot(".") == 0, chdir("/") == 0 else { throw SystemError("change the root to", Self.newRoot) }
    failures = FailureLog(in: DevicePaths.records)
    let arguments = plan.nextInit.map { strdup($0) } + [nil]
    let environment = plan.nextInitEnvironment.map { strdup($0) } + [nil]
    guard let program = plan.nextInit.first else { throw StageFailure("the boot plan names no next program") }
    execve(program, arguments, environment)
    throw SystemError("execute", program)
  }

  private func fail(_ message: String) -> Never {
    log.error("cannot start the device: \(message)")
    record(message, isFatal: true)
    log.error("restarting in \(failureDelay) seconds")
    sync()
    sleep(UInt32(clamping: failureDelay))
    Kernel.end(.reboot)
    // Only without the right to restart the machine; PID 1 that ends makes the kernel panic and restart.
    exit(1)
  }

  private func record(_ message: String, isFatal: Bool = false) {
    do {
      try failures?.add(FailureRecord(time: .now, slot: slot, message: message, isFatal: isFatal))
    } catch {
      log.error("\(error)")
    }
  }
}
