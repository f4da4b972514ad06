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
      restart: RestartPolicy(condition: program.restart), waitFor: program.waitFor,
      stop: program.stop, limits: program.limits, capabilities: program.capabilities, privateTmp: true,
      // A program that may mount file systems or make device nodes can reach all devices anyway.
      seesAllDevices: !Set(program.capabilities).isDisjoint(with: ["sys_admin", "sys_rawio", "mknod"]),
      writesKernelSettings: !Set(program.capabilities).isDisjoint(with: ["sys_admin", "net_admin"]),
      log: program.log)
  }
}
