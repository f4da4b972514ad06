import DeviceHardware
import DeviceModel
import DeviceRecords
import FoundationEssentials
import Glibc
import LinuxSystem
import PartitionTable
import Provisioning

/// Stage 1: PID 1 in the initial RAM file system, from the start of the kernel to the next program in the root file
/// system.
public final class InitialStage {
  private static let newRoot = "/newroot"
  /// Maximum number of characters of a report in a record.
  private static let recordLimit = 500
  /// Seconds from the discovery of the disk until the next stage has to take over the watchdog, during a trial.
  private static let trialTimeout = 60
  private static let ramFileSystems: [UInt64] = [0x8584_58F6, 0x0102_1994]

  /// Opened at the first message, as device nodes do not exist before.
  private lazy var log = KernelLog()
  private var failureDelay = 10
  private var slot: Slot?
  /// Armed for a trial. The next stage takes it over.
  private var watchdog: Watchdog?
  /// True if the screen shows the image's picture.
  private var isSplashShown = false
  /// The log of failures, once the data partition is mounted.
  private var failures: FailureLog?

  /// True if this process runs in the initial RAM file system.
  public static var isHere: Bool {
    FileTree.exists(BootPlan.path) && ramFileSystems.contains(Mount.fileSystemMagic(at: "/"))
  }

  public init() {}

  /// Mounts the root file system and executes the next program. After a failure, reports it, records it, and reboots.
  public func run() -> Never {
    do {
      try start()
    } catch {
      fail("\(error)")
    }
  }

  private func start() throws -> Never {
    try mountKernelFileSystems()
    showSplash()
    let plan = try JSONDecoder().decode(BootPlan.self, from: Data(try FileTree.read(BootPlan.path)))
    failureDelay = plan.failureDelay
    let commandLine = KernelCommandLine.running
    guard let slot = BootIdentity.slot(commandLine: commandLine, plan.partitions) else {
      throw StageFailure(
        "the boot loader names no slot: the kernel command line has neither \(KernelParameter.slot)=a nor "
          + "\(KernelParameter.slot)=b")
    }
    self.slot = slot

    let events = try DeviceEvents()
    let modules = HardwareModules { [log] in log.note($0) }
    let fileSystems = modules.loadInBackground(named: plan.modules)
    mountFirmwareVariables(modules)
    let partition = try BootIdentity.bootPartition(commandLine: commandLine)
    let waiting = DeviceWait(events: events, modules: modules, timeout: plan.deviceTimeout)
    let disk = try waiting.bootDisk(holding: partition)
    let loader = BootIdentity.loader(commandLine: commandLine)
    let isTrial =
      loader == .tryboot
      ? isTrial(slot, disk, plan.partitions, waiting) : BootIdentity.isTrial(commandLine: commandLine)
    log.note("started from \(disk.path), slot \(slot.rawValue)\(isTrial ? ", on trial" : "")")
    // From here on, the watchdog ends a trial that hangs. Stage 1 does not feed the watchdog again; the next stage must
    // take it over before it expires. At any other start, the next stage decides about a watchdog.
    if isTrial { watchdog = Watchdog(timeout: Self.trialTimeout) }

    try DiskPreparation(disk: disk, dataPartition: plan.partitions.data) { [log] in log.note($0) }.run()
    guard let rootNumber = plan.partitions.root(of: slot) else {
      throw StageFailure("the boot loader chose slot \(slot.rawValue), but this image has only one slot")
    }
    let root = try waiting.partition(rootNumber, of: disk)
    let data = try waiting.partition(plan.partitions.data, of: disk)
    for failure in fileSystems.wait() { log.note(failure) }
    let bootPartition = try waiting.partition(plan.partitions.boot, of: disk)
    let record = BootRecord(
      loader: loader, slot: slot, isTrial: isTrial, canTry: BootIdentity.canTry(loader),
      disk: disk.path, bootPartition: bootPartition, bootA: try slotPartition(plan.partitions.bootA, disk, waiting),
      bootB: try slotPartition(plan.partitions.bootB, disk, waiting),
      rootA: try waiting.partition(plan.partitions.rootA, of: disk),
      rootB: try plan.partitions.rootB.map { try waiting.partition($0, of: disk) })
    try FileTree.makeFolders(DevicePaths.run)
    try FileTree.replace(BootRecord.path, with: Array(try JSONEncoder().encode(record)))
    try mountRoot(root, plan)
    if let next = plan.nextInit.first { FileTree.readAhead(Self.newRoot + next) }
    try mountData(data, options: plan.dataMountOptions ?? [])
    creditRandomSeed()
    let values = takeFirstBootValues(
      hasSystem: plan.overlay != nil, Self.firstBootFiles(of: disk, bootPartition: bootPartition), modules)
    leaveTokenHash(values)
    if plan.overlay == nil {
      // Stage 2 of an appliance does not read the records: they have no values if a file could not be parsed.
      try FileTree.replace(DevicePaths.firstBootValues, with: Array(values.text.utf8), mode: 0o600)
    } else {
      if Watchdog.resetsAtOnce { try keepSystemdFromWatchdog() }
      try writeMachineID()
      let applied = SystemSettings(root: Self.newRoot).apply(values)
      for problem in applied.problems { tell(problem) }
      PersistedPaths(root: Self.newRoot) { [self] in tell($0) }.bind(
        (plan.persistedPaths ?? []).adding(applied.persistedPaths))
    }
    // The driver of the screen may be a module.
    if !isSplashShown { showSplash() }
    try switchRoot(to: plan)
  }

  /// Returns a slot's boot partition, if slots have their own.
  private func slotPartition(
    _ number: Int?, _ disk: BootDisk, _ waiting: DeviceWait
  ) throws -> BootRecord.SlotPartition? {
    try number.map { BootRecord.SlotPartition(number: $0, path: try waiting.partition($0, of: disk)) }
  }

  /// Returns true if the firmware of a Raspberry Pi started the slot for a trial. If this cannot be determined, it
  /// counts as one: then a release that hangs ends by the watchdog.
  private func isTrial(_ slot: Slot, _ disk: BootDisk, _ partitions: PartitionNumbers, _ waiting: DeviceWait) -> Bool {
    do {
      return try BootIdentity.isTrial(
        BootRecord(
          loader: .tryboot, slot: slot, isTrial: false, disk: disk.path,
          bootPartition: try waiting.partition(partitions.boot, of: disk),
          bootA: try slotPartition(partitions.bootA, disk, waiting),
          bootB: try slotPartition(partitions.bootB, disk, waiting), rootA: "", rootB: nil))
    } catch {
      log.note("cannot determine the default slot: \(error)")
      return true
    }
  }

  /// Shows the image's picture, if it has one and there is a screen for it.
  private func showSplash() {
    guard FileTree.exists(SplashImage.path), let screen = try? Framebuffer() else { return }
    do {
      let image = try SplashImage(try FileTree.read(SplashImage.path, limit: SplashImage.sizeLimit + 1))
      let format = SplashImage.Screen(
        width: screen.width, height: screen.height, rowLength: screen.rowLength, pixelLength: screen.pixelBits / 8,
        red: screen.colours[0], green: screen.colours[1], blue: screen.colours[2])
      guard let bytes = image.drawn(on: format) else {
        log.note("the screen has a format that the splash screen does not support: \(screen.pixelBits) bits")
        return
      }
      try Framebuffer.setConsole(isShown: false)
      try screen.show(bytes)
      isSplashShown = true
    } catch {
      log.note("splash screen: \(error)")
    }
  }

  private func mountKernelFileSystems() throws {
    try Mount.mountOnce("devtmpfs", at: "/dev", [.noSetUserID], options: "mode=755")
    try StandardDescriptors.openConsole()
    try Mount.mountOnce("proc", at: "/proc", [.noSetUserID, .noDevices, .noExecution])
    try Mount.mountOnce("sysfs", at: "/sys", [.noSetUserID, .noDevices, .noExecution])
    try Mount.mount("tmpfs", from: "tmpfs", at: "/run", [.noSetUserID, .noDevices], options: "mode=755")
  }

  /// Mounts the EFI variables. A failure is not fatal: the kernel command line may have everything.
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

  /// Mounts a writable layer in memory over the image's root. Both stay visible below `/run`, so that changes can be
  /// listed.
  private func mountOverlay() throws {
    let layer = DevicePaths.volatileLayer
    try Mount.mount("tmpfs", from: "tmpfs", at: layer, [.noDevices], options: "mode=755")
    for folder in ["upper", "work"] { try FileTree.makeFolders("\(layer)/\(folder)") }
    try Mount.mount(
      "overlay", from: "overlay", at: Self.newRoot,
      options: "lowerdir=\(DevicePaths.imageRoot),upperdir=\(layer)/upper,workdir=\(layer)/work")
  }

  /// Writes the machine ID to the overlay, because a system's own init reads it from the root.
  private func writeMachineID() throws {
    let id = try DeviceRecords(in: Self.newRoot + DevicePaths.records).machineID()
    try FileTree.replace(Self.newRoot + "/etc/machine-id", with: Array("\(id)\n".utf8), mode: 0o444)
  }

  /// Overrides the image's settings for systemd's watchdog, on a machine that it would reset at once.
  private func keepSystemdFromWatchdog() throws {
    let folder = "/run/systemd/system.conf.d"
    try FileTree.makeFolders(folder)
    let settings = "[Manager]\nRuntimeWatchdogSec=off\nRebootWatchdogSec=off\n"
    try FileTree.replace("\(folder)/zz-no-watchdog.conf", with: Array(settings.utf8))
  }

  private func mountData(_ path: String, options: [String]) throws {
    let (outcome, output) = FileSystemCheck().check(path)
    if case .failed(let reason) = outcome {
      throw StageFailure("the data file system on \(path) cannot be repaired: \(reason)\n\(output)")
    }
    let target = Self.newRoot + DevicePaths.data
    let (flags, others) = Mount.Flags.parsed(options)
    try Mount.mount(
      "ext4", from: path, at: target, flags.union([.noSetUserID, .noDevices, .noAccessTimes]), options: others)
    let records = FailureLog(in: Self.newRoot + DevicePaths.records)
    failures = records
    // Space is reserved now, before programs can fill the partition.
    do { try records.reserve() } catch { log.note("the data partition has no room for records of failures: \(error)") }
    if try Ext4.grow(at: target, on: path) { log.note("the data file system was extended to fill \(path)") }
    if outcome == .corrected {
      log.note("the data file system on \(path) was repaired")
      // A record must be short, and the last lines of the report are the most useful.
      record("the data file system was repaired: \(output.suffix(Self.recordLimit))")
    }
  }

  /// Credits the random seed. The Swift runtime reads random numbers when it starts. On a machine without a hardware
  /// source, stage 2 would otherwise wait for them.
  private func creditRandomSeed() {
    do {
      try DeviceRecords(in: Self.newRoot + DevicePaths.records).creditRandomSeed()
    } catch {
      log.note("\(error)")
    }
  }

  /// The partitions that can have files with values for the first boot: the boot partition, and the first partition, to
  /// which Raspberry Pi Imager writes.
  private static func firstBootFiles(of disk: BootDisk, bootPartition: String) -> BootPartitionFiles {
    let first = disk.partitionPath(1).flatMap { $0 != bootPartition && BootPartitionFiles.isFAT($0) ? $0 : nil }
    return BootPartitionFiles(partitions: [bootPartition] + (first.map { [$0] } ?? []))
  }

  /// Returns the values for the first boot. At the first boot, takes them from the boot disk and keeps them; later, returns
  /// the kept values.
  ///
  /// A failure is not fatal, as a device starts without them as well. If a file has errors, nothing is kept, and all files
  /// are read again at the next start.
  ///
  /// Files with secrets are removed. A power cut never loses the values: the values are on the data partition before the
  /// first file is overwritten, and a note with the names of the files is there before the values. Until the note is
  /// gone, each start removes the files that are left.
  private func takeFirstBootValues(
    hasSystem: Bool, _ files: BootPartitionFiles, _ modules: HardwareModules
  ) -> FirstBootValues {
    var values = FirstBootValues()
    do {
      let records = try DeviceRecords(in: Self.newRoot + DevicePaths.records)
      if let kept = try records.firstBootValues() {
        values = kept
      } else {
        Self.loadFAT(modules)
        let (contents, problems) = files.read(Provisioning.fileNames, limit: Provisioning.sizeLimit)
        let provisioning = Provisioning(contents, random: try KernelRandom.bytesWithoutWaiting(16))
        values = provisioning.values
        for line in provisioning.report.notes + problems { log.note(line) }
        // The next start reads the values that are kept.
        let canBeKept = (try? FirstBootValues(Array(values.text.utf8))) == values
        let isComplete = !provisioning.isIncomplete && problems.isEmpty && canBeKept
        for problem in provisioning.report.problems
          + SystemSettings.problems(of: values, in: Self.newRoot, isSystem: hasSystem)
        {
          // Files that are read again at each start must not fill the failure records.
          if isComplete { tell(problem) } else { log.note(problem) }
        }
        guard isComplete else {
          tell(
            canBeKept
              ? "a file with values for the first boot cannot be read; its problems are in the log"
              : "the files with values for the first boot have more than can be kept")
          return values
        }
        try records.keep(values, thenRemoving: provisioning.files)
      }
      let remaining = records.filesToRemove
      guard !remaining.isEmpty else { return values }
      Self.loadFAT(modules)
      try files.remove(remaining)
      records.noteRemoval()
      log.note("removed from the boot partition: \(remaining.joined(separator: ", "))")
    } catch {
      tell("values for the first boot: \(error)")
    }
    return values
  }

  private static func loadFAT(_ modules: HardwareModules) {
    for name in ["vfat", "nls_cp437", "nls_ascii"] { modules.load(named: name) }
  }

  /// Writes the hash of the management token to a file for the daemon. The daemon must not read the other values,
  /// because they contain secrets.
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
    // Frees the memory of the initial RAM file system. Does not descend into mounted file systems.
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
    if isSplashShown { try? Framebuffer.setConsole(isShown: true) }
    log.error("cannot start the device: \(message)")
    record(message, isFatal: true)
    log.error("restarting in \(failureDelay) seconds")
    sync()
    sleep(UInt32(clamping: failureDelay))
    Kernel.end(.reboot)
    // Reached only without the right to restart the machine. When PID 1 exits, the kernel panics and restarts.
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
