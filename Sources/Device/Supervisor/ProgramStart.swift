import DeviceModel
import Glibc
import LinuxSystem

/// Starts a process from a program's plan.
struct ProgramStart {
  /// A requirement of the plan that the kernel does not meet.
  enum Failure: Error, CustomStringConvertible {
    case unknownCapability([String])

    var description: String {
      switch self {
      case .unknownCapability(let names): "one of these capabilities does not exist: \(names.joined(separator: ", "))"
      }
    }
  }

  private static let searchPath = "/usr/bin:/usr/sbin:/bin:/sbin"

  let plan: ProgramPlan
  let environment: SupervisorEnvironment

  /// Makes the home and the control group, and starts the process.
  ///
  /// - Parameters:
  ///   - input: The standard input.
  ///   - output: The standard output.
  ///   - error: The standard error.
  /// - Returns: The process ID.
  func run(input: Descriptor, output: Descriptor, error: Descriptor) throws -> pid_t {
    try makeHome()
    for folder in plan.folders { try makeFolder(folder) }
    var start = ProcessStart(plan.executable, [plan.executable] + plan.arguments, environment: variables)
    start.directory = plan.home
    start.privateTmp = plan.privateTmp
    if let fewDevices = environment.fewDevices {
      start.devices = plan.seesAllDevices ? nil : fewDevices
      start.readsKernelOnly = !plan.writesKernelSettings
      // The system's programs trust what they find there: a program that runs as root could claim that the other slot
      // runs.
      if !plan.isSystem, !plan.capabilities.contains("sys_admin") { start.readOnlyPaths = [DevicePaths.run] }
    }
    start.claimsTerminal = environment.terminals[plan.name] != nil
    start.controlGroup = try environment.controlGroups?.prepare(plan.name, plan.limits)
    if environment.changesUsers {
      start.user = (plan.user.uid, plan.user.gid)
      guard let capabilities = CapabilitySet(names: plan.capabilities) else {
        throw Failure.unknownCapability(plan.capabilities)
      }
      start.capabilities = capabilities
    }
    return try ChildProcess.start(start, input: input, output: output, error: error)
  }

  private var variables: [String] {
    let own = [
      "PATH": Self.searchPath, "HOME": plan.home, "USER": plan.user.name, "LOGNAME": plan.user.name, "TMPDIR": "/tmp",
    ]
    return own.merging(plan.environment) { $1 }.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
  }

  /// Makes another folder that the program needs, for its user.
  private func makeFolder(_ path: String) throws(SystemError) {
    if FileTree.isFolder(path) { return }
    try FileTree.makeFolders(path)
    guard environment.changesUsers else { return }
    if lchown(path, plan.user.uid, plan.user.gid) < 0 { throw SystemError("change the owner of", path) }
  }

  /// Makes the home for its user. An existing home keeps its mode. Its owner is set again, so that the user keeps
  /// access if an update changes its ID. The content of the home is left alone.
  private func makeHome() throws(SystemError) {
    if !FileTree.isFolder(plan.home) {
      try FileTree.makeFolders(plan.home, mode: 0o700)
    } else if !plan.home.hasPrefix(DevicePaths.data + "/") {
      return
    }
    guard environment.changesUsers else { return }
    if lchown(plan.home, plan.user.uid, plan.user.gid) < 0 { throw SystemError("change the owner of", plan.home) }
  }
}
