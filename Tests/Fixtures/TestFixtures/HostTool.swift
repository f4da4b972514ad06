import HostSystem

/// Returns the command for a tool of the build host, instead of one in the tool tree.
public func hostTool(_ name: String, _ arguments: [String], _ purpose: String) -> HostCommand {
  HostCommand(file: name, arguments, to: purpose, environment: ["MTOOLSRC": "/dev/null"])
}
