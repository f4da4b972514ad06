import DeviceModel
import Lock
import Project

/// The programs that an appliance gets without being asked by name: network client, clock, daemon.
///
/// They are in the plan like any other; the supervisor knows nothing special of them.
struct SystemPrograms {
  /// Plans, in the order of starting.
  private(set) var plans: [ProgramPlan] = []
  /// Debian packages whose files they need.
  private(set) var packages: [String] = []
  /// Configuration files, by path.
  private(set) var configuration: [String: String] = [:]

  /// Chooses the programs that an image needs.
  init(_ image: ImageDefinition, users: UserIDs) {
    if case .automatic(let interfaces) = image.network { addNetworkClient(interfaces) }
    if !image.timeServers.isEmpty { addClock(image.timeServers) }
    addDaemon(users["cultivard"])
  }

  /// dhcpcd: IPv4 by DHCP, IPv6 by router advertisement and DHCPv6, name servers of both, carrier changes.
  private mutating func addNetworkClient(_ interfaces: [String]) {
    packages.append("dhcpcd-base")
    let allowed = interfaces.isEmpty ? "eth* en*" : interfaces.joined(separator: " ")
    // Probing for other users of an address takes five seconds at each boot; the server that gives it has looked.
    configuration["/etc/dhcpcd.conf"] = """
      allowinterfaces \(allowed)
      nodev
      duid
      persistent
      hostname
      noarp
      option rapid_commit
      option domain_name_servers, domain_name, domain_search, interface_mtu, classless_static_routes
      require dhcp_server_identifier
      slaac private

      """
    plans.append(
      Self.plan(
        "network", "/usr/sbin/dhcpcd",
        ["--nobackground", "--quiet", "--script", DevicePaths.dhcpHook, "--config", "/etc/dhcpcd.conf"],
        capabilities: [
          "chown", "dac_override", "fowner", "kill", "net_admin", "net_bind_service", "net_raw", "setgid", "setuid",
          "sys_chroot", "sys_admin",
        ], folders: ["/var/lib/dhcpcd", "/run/dhcpcd"]))
  }

  /// OpenNTPD: sets the clock at once if it is far off, and keeps it.
  private mutating func addClock(_ servers: [String]) {
    // The client finds its port by the name of the service, which netbase has.
    packages += ["openntpd", "netbase"]
    let rows = servers.map { "servers \($0)" }
    configuration["/etc/openntpd/ntpd.conf"] = rows.joined(separator: "\n") + "\n"
    plans.append(
      Self.plan(
        "clock", "/usr/sbin/ntpd", ["-d", "-s", "-f", "/etc/openntpd/ntpd.conf"],
        capabilities: ["setgid", "setuid", "sys_chroot", "sys_nice", "sys_time", "kill", "chown", "dac_override"],
        waitFor: [.network], folders: ["/run/openntpd", "/var/lib/openntpd/db", "/var/lib/openntpd/run"]))
  }

  private mutating func addDaemon(_ user: ProgramUser) {
    var plan = Self.plan("cultivard", DevicePaths.daemon, [], capabilities: ["net_bind_service"], folders: [])
    plan.user = user
    plans.append(plan)
  }

  private static func plan(
    _ name: String, _ executable: String, _ arguments: [String], capabilities: [String],
    waitFor: [DeviceModel.WaitCondition] = [], folders: [String]
  ) -> ProgramPlan {
    ProgramPlan(
      name: name, isSystem: true, executable: executable, arguments: arguments, environment: [:], user: .root,
      home: "\(DevicePaths.homes)/\(name)", folders: folders, restart: RestartPolicy(condition: .always),
      waitFor: waitFor, stop: StopPlan(signal: 15, grace: 3_000),
      limits: ProgramLimits(memory: 128 << 20, processes: 64), capabilities: capabilities, privateTmp: true,
      log: LogPlan(ringBytes: 32_768))
  }
}
