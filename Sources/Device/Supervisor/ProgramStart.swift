import DeviceModel
import Glibc
import LinuxSystem

/// Turning a plan into a running process.
struct ProgramStart {
  /// What a program needs that its plan does not name.
  enum Failure: Error, CustomStringConvertible {
    case unknownCapability([String])

    var description: String {
      switch self {
      case .unknownCapability(let names): "one of the capabilities \(names.joined(separator: ", ")) does not exist"
      }
    }
  }

  private static let searchPath = "/usr/bin:/usr/sbin:/bin:/sbin"

  let plan: ProgramPlan
  let environment: SupervisorEnvironment

  /// Makes the home and the control group, and starts the process.
  ///
  /// - Parameters:
  ///   - input: standard input.
  ///   - output: standard output.
  ///   - error: standard error.
  /// - Returns: its process id.
  func run(input: Descriptor, output: Descriptor, error: Descriptor) throws -> pid_t {
    try makeHome()
    for folder in plan.folders { try makeFolder(folder) }
    var start = ProcessStart(plan.executable, [plan.executable] + plan.arguments, environment: variables)
    start.directory = plan.home
    start.privateTmp = plan.privateTmp
    if let fewDevices = environment.fewDevices {
      start.devices = plan.seesAllDevices ? nil : fewDevices
      start.readsKernelOnly = !plan.writesKernelSettings
      // What the system's own programs tell each other there is believed: a program of user root could say that another slot runs.
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

  /// Makes a further folder that the program needs, for its user.
  private func makeFolder(_ path: String) throws(SystemError) {
    if FileTree.isFolder(path) { return }
    try FileTree.makeFolders(path)
    guard environment.changesUsers else { return }
    if lchown(path, plan.user.uid, plan.user.gid) < 0 { throw SystemError("change the owner of", path) }
  }

  /// Makes the home for its user. One that is there keeps its mode; its owner is set again, so that a user whose number
  /// changed with an update still gets in. What is below it is the program's own affair.
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
