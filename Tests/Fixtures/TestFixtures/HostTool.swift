import HostSystem

/// The command for one of the build host's own tools, in place of one of the tool tree.
public func hostTool(_ name: String, _ arguments: [String], _ purpose: String) -> HostCommand {
  HostCommand(file: name, arguments, to: purpose, environment: ["MTOOLSRC": "/dev/null"])
}
