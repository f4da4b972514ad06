import DeviceHardware
import DeviceInit
import DeviceModel
import DeviceRecords
import FoundationEssentials
import Glibc
import LinuxSystem
import ManagementAPI
import Provisioning
import Supervisor

/// Stage 2: PID 1 in the root file system, from its start to the end of the machine.
enum MainStage {
  /// Milliseconds between saves of the time.
  private static let clockInterval = 3_600_000
  /// Seconds between the message of a failure and the restart.
  private static let failureDelay: UInt32 = 10
  private static let consoleName = "console"
  /// The only program besides the superuser that may use the control socket.
  private static let daemonName = "cultivard"

  static func run() -> Never {
    guard getpid() == 1 else {
      try? Descriptor.standardError.write(all: Array("init: this program runs only as PID 1\n".utf8))
      exit(1)
    }
    let log = KernelLog()
    do {
      let ending = try supervise(log)
      end(ending, log)
    } catch {
      // A splash screen would hide the failure.
      try? Framebuffer.setConsole(isShown: true)
      log.error("cannot run the device: \(error)")
      record("cannot run the device: \(error)", log)
      log.error("restarting in \(failureDelay) seconds")
      sync()
      sleep(failureDelay)
      end(.reboot, log)
    }
  }

  /// Sets up the system and runs the programs until the machine is to be ended.
  private static func supervise(_ log: KernelLog) throws -> Kernel.Ending {
    let note: (String) -> Void = { log.note($0) }
    let system = RunningSystem(note: note)
    system.mountFileSystems()
    system.makeFewDevices()
    system.applySettings(commandLine: FileTree.line("/proc/cmdline") ?? "")
    let plan = try JSONDecoder().decode(DevicePlan.self, from: Data(try FileTree.read(DevicePlan.path)))
    let values = (try? FileTree.read(DevicePaths.firstBootValues)).flatMap { try? FirstBootValues($0) }
    system.setIdentity(hostname: values?[.hostname] ?? plan.hostname)
    if let wireless = plan.wireless { system.configure(wireless, values: values) }
    Kernel.takeControlAltDelete()

    for program in plan.programs { FileTree.readAhead(program.executable) }

    let loop = try EventLoop()
    let records = restoreRecords(system, loop, note)
    let hardware = Hardware(plan: plan, system: system, loop: loop, note: note)

    let supervisor = try Supervisor(
      image: plan.image, programs: programs(of: plan), environment: environment(of: plan, note), loop: loop)
    var ending = Kernel.Ending.reboot
    let shutDown: (Kernel.Ending) -> Void = { wanted in
      ending = wanted
      log.note("stopping all programs (\(wanted.rawValue))")
      supervisor.shutDown(timeout: plan.shutdownTimeout) { loop.stop() }
    }
    hardware.powerButtonPressed = { shutDown(.powerOff) }
    hardware.watchdogHadReset = {
      let message = "the watchdog restarted the machine: init had not fed it in time"
      log.error(message)
      record(message, log)
    }
    let signals = try watchSignals(loop, supervisor: supervisor, shutDown: shutDown)
    let network = try watchNetwork(loop, supervisor)
    let server = try controlServer(plan, supervisor, shutDown)
    try hardware.start()

    log.note("\(plan.image.project) \(plan.image.image) \(plan.image.version)")
    supervisor.startWhatCan()
    withExtendedLifetime((signals, network, server)) { loop.run() }

    if let records { save(records, note) }
    if ending == .powerOff { hardware.disarmWatchdog() }
    return ending
  }

  /// Restores the ID and the time from the data partition. Stage 1 has credited the random seed.
  private static func restoreRecords(
    _ system: RunningSystem, _ loop: EventLoop, _ note: @escaping (String) -> Void
  ) -> DeviceRecords? {
    var planStatus = stat()
    stat(DevicePlan.path, &planStatus)
    let imageTime = Int(planStatus.st_mtim.tv_sec)
    guard Mount.isMountPoint(DevicePaths.data) else {
      note("no data partition is mounted: all changes are lost at the next restart")
      system.stepClock(toAtLeast: [imageTime])
      return nil
    }
    do {
      let records = try DeviceRecords(in: DevicePaths.records)
      system.stepClock(toAtLeast: [imageTime, records.savedTime])
      do { try records.reserve() } catch { note("the data partition has no room for records: \(error)") }
      // Saved now and not only at the end, so that a device whose power is cut also has one at its next start.
      if !records.hasRandomSeed { try records.saveRandomSeed() }
      try FileTree.replace("/run/machine-id", with: Array("\(try records.machineID())\n".utf8), mode: 0o444)
      saveTimeRegularly(records, loop, note)
      return records
    } catch {
      note("\(error)")
      return nil
    }
  }

  private static func saveTimeRegularly(
    _ records: DeviceRecords, _ loop: EventLoop, _ note: @escaping (String) -> Void
  ) {
    loop.after(clockInterval) {
      do { try records.saveTime() } catch { note("\(error)") }
      saveTimeRegularly(records, loop, note)
    }
  }

  private static func save(_ records: DeviceRecords, _ note: (String) -> Void) {
    do {
      try records.saveTime()
      try records.saveRandomSeed()
    } catch {
      note("\(error)")
    }
  }

  /// Returns the programs of the plan, and the one for commands on the console if the plan has it. The console may read
  /// files of other users, because it shows the fingerprint of the daemon's certificate.
  private static func programs(of plan: DevicePlan) -> [ProgramPlan] {
    guard plan.consoleCommands else { return plan.programs }
    let console = ProgramPlan(
      name: consoleName, isSystem: true, executable: DevicePaths.control, arguments: ["console"], environment: [:],
      user: .root, home: "/", restart: RestartPolicy(condition: .always), waitFor: [], stop: StopPlan(),
      limits: ProgramLimits(), capabilities: ["dac_read_search"], privateTmp: false, log: LogPlan(ringBytes: 1024))
    return plan.programs + [console]
  }

  private static func environment(
    of plan: DevicePlan, _ note: @escaping (String) -> Void
  ) -> SupervisorEnvironment {
    var environment = SupervisorEnvironment(note: note)
    environment.reapsOrphans = true
    environment.fewDevices = RunningSystem.fewDevices
    environment.terminals = plan.consoleCommands ? [consoleName: "/dev/console"] : [:]
    do {
      environment.controlGroups = try ControlGroups(root: "/sys/fs/cgroup/programs")
    } catch {
      note("resource limits have no effect: \(error)")
    }
    return environment
  }

  private static func watchSignals(
    _ loop: EventLoop, supervisor: Supervisor, shutDown: @escaping (Kernel.Ending) -> Void
  ) throws -> SignalQueue {
    let signals = try SignalQueue(
      [SIGCHLD, SIGINT, SIGTERM, SIGUSR2, SIGPWR] + SignalName.powerOffSignals + SignalName.rebootSignals)
    try loop.watch(signals.descriptor) {
      while let signal = signals.next() {
        switch signal {
        case SIGCHLD: supervisor.reap()
        case SIGINT, SIGTERM: shutDown(.reboot)
        case _ where SignalName.rebootSignals.contains(signal): shutDown(.reboot)
        default: shutDown(.powerOff)
        }
      }
    }
    return signals
  }

  private static func watchNetwork(_ loop: EventLoop, _ supervisor: Supervisor) throws -> Descriptor {
    let changes = try NetworkState.changes()
    try loop.watch(changes) {
      while let bytes = try? changes.read(atMost: 65_536), !bytes.isEmpty {}
      supervisor.startWhatCan()
    }
    return changes
  }

  private static func controlServer(
    _ plan: DevicePlan, _ supervisor: Supervisor, _ shutDown: @escaping (Kernel.Ending) -> Void
  ) throws -> ControlServer {
    let daemon = plan.programs.first { $0.name == daemonName }?.user
    if let daemon {
      for folder in [LogWriter.positionFolder, DevicePaths.logs] {
        try FileTree.makeFolders(folder, mode: 0o750)
        chown(folder, daemon.uid, daemon.gid)
      }
    }
    return try ControlServer(
      at: DevicePaths.controlSocket, supervisor: supervisor, allowedUsers: [0, daemon?.uid ?? 0], group: daemon?.gid,
      end: shutDown)
  }

  private static func record(_ message: String, _ log: KernelLog) {
    guard Mount.isMountPoint(DevicePaths.data) else { return }
    // Only what ended a run is recorded here.
    let record = FailureRecord(time: .now, slot: KernelCommandLine.running.slot, message: message, isFatal: true)
    do {
      try FailureLog(in: DevicePaths.records).add(record)
    } catch {
      log.error("\(error)")
    }
  }

  /// Kills all processes, writes everything to the disk, and ends the machine.
  private static func end(_ ending: Kernel.Ending, _ log: KernelLog) -> Never {
    kill(-1, SIGKILL)
    sync()
    do {
      try Mount.unmount(DevicePaths.data)
    } catch {
      // A process that cannot be killed holds it open. Read-only is just as safe.
      try? Mount.remount(DevicePaths.data, .readOnly)
    }
    log.note(ending == .reboot ? "restarting" : "switching off")
    Kernel.end(ending, argument: FileTree.line(DevicePaths.restartArgument))
    // Reached only if the kernel refuses. When PID 1 exits, the kernel panics and restarts.
    exit(1)
  }
}
