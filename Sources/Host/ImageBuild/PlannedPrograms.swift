import DeviceModel
import Project

/// Converts a project's programs to plans for the supervisor.
enum PlannedPrograms {
  /// The path of a program's executable in the image.
  static func installedPath(_ program: ProgramDefinition) -> String {
    if case .debian(_, let executable) = program.source { return executable }
    return "/usr/lib/programs/\(program.name)"
  }

  /// The supervisor's plan for one program.
  static func plan(_ program: ProgramDefinition, users: UserIDs) -> ProgramPlan {
    ProgramPlan(
      name: program.name, isSystem: false, executable: installedPath(program), arguments: program.arguments,
      environment: program.environment, user: users[program.user],
      home: "\(DevicePaths.homes)/\(program.name)", folders: [],
      restart: RestartPolicy(condition: condition(program.restart)), waitFor: program.waitFor.map(wait),
      stop: StopPlan(signal: SignalNumber.linux(program.stopSignal), grace: program.stopGrace),
      limits: ProgramLimits(
        memory: program.memoryLimit, cpuPercent: program.cpuLimit, processes: program.processLimit),
      capabilities: program.capabilities, privateTmp: true,
      // A program that may mount file systems or make device nodes can reach all devices anyway.
      seesAllDevices: !Set(program.capabilities).isDisjoint(with: ["sys_admin", "sys_rawio", "mknod"]),
      writesKernelSettings: !Set(program.capabilities).isDisjoint(with: ["sys_admin", "net_admin"]),
      log: LogPlan(
        ringBytes: program.logRing,
        files: program.logFiles.map { LogFiles(maximumBytes: $0.maximumBytes, keep: $0.keep) }))
  }

  private static func condition(_ choice: RestartChoice) -> RestartPolicy.Condition {
    switch choice {
    case .always: .always
    case .onFailure: .onFailure
    case .never: .never
    }
  }

  private static func wait(_ choice: WaitChoice) -> WaitCondition {
    switch choice {
    case .network: .network
    case .clock: .clock
    case .path(let path): .path(path)
    case .program(let name): .program(name)
    }
  }
}

/// Numbers of signals on x86-64 and arm64 Linux (signal(7)). The project reader has checked the names.
enum SignalNumber {
  private static let names = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
  ]

  /// The number of a signal, by its name without `SIG`; 15 (TERM) for an unknown name.
  static func linux(_ name: String) -> Int32 {
    names.firstIndex(of: name).map { Int32($0 + 1) } ?? 15
  }
}
