import DeviceControl
import DeviceInit
import Glibc
import LinuxSystem

/// A program that the executable can run as.
enum Role: String, CaseIterable {
  case `init`
  case control = "cultivarctl"
  case daemon = "cultivard"
  /// The program that changes slots.
  case updater
  /// The hook script of the DHCP client.
  case dhcpHook = "dhcp-hook"

  /// Returns the last component of a path.
  static func baseName(of path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  func run(_ arguments: [String]) -> Never {
    switch self {
    case .`init`:
      if InitialStage.isHere { InitialStage().run() }
      MainStage.run()
    case .control:
      let output = Descriptor.standardOutput
      let session = ControlSession(
        output: output, error: Descriptor.standardError,
        updates: UpdateSession(output: output).perform, describeAPI: Daemon.describeAPI)
      exit(session.run(arguments))
    case .daemon: Daemon.run()
    case .updater: Updater.run()
    case .dhcpHook: NameServerHook.run()
    }
  }

  static func explain() -> Never {
    let roles = allCases.map(\.rawValue).joined(separator: ", ")
    try? Descriptor.standardError.write(
      all: Array("cultivar-device: run it by the name of a role, or give the role as first argument: \(roles)\n".utf8))
    exit(ControlSession.Exit.usage)
  }
}
