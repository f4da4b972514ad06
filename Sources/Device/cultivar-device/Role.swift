import DeviceControl
import DeviceInit
import Glibc
import LinuxSystem

/// What the executable is run as.
enum Role: String, CaseIterable {
  /// PID 1, in the initial RAM file system and after it.
  case `init`
  /// The command line.
  case control = "cultivarctl"
  /// The daemon.
  case daemon = "cultivard"
  /// What changes slots.
  case updater
  /// The script of the DHCP client.
  case dhcpHook = "dhcp-hook"

  /// The last part of a path.
  static func baseName(of path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  func run(_ arguments: [String]) -> Never {
    switch self {
    case .`init`:
      if InitialStage.isHere { InitialStage().run() }
      MainStage.run()
    case .control:
      let output = Descriptor(owning: dup(STDOUT_FILENO))
      let session = ControlSession(
        output: output, error: Descriptor(owning: dup(STDERR_FILENO)),
        updates: UpdateSession(output: output).perform, describeAPI: Daemon.describeAPI)
      exit(session.run(arguments))
    case .daemon: Daemon.run()
    case .updater: Updater.run()
    case .dhcpHook: NameServerHook.run()
    }
  }

  static func explain() -> Never {
    let roles = allCases.map(\.rawValue).joined(separator: ", ")
    try? Descriptor(owning: dup(STDERR_FILENO)).write(
      all: Array("cultivar-device: run it under the name of a role, or with one as first argument: \(roles)\n".utf8))
    exit(ControlSession.Exit.usage)
  }
}
