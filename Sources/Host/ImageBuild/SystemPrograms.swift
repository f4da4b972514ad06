import DeviceModel
import Lock
import Project

/// The programs that every appliance gets automatically: network client, clock, updater, daemon.
///
/// Their plans have the same form as those of other programs; the supervisor does not treat them specially.
struct SystemPrograms {
  /// Plans, in starting order.
  private(set) var plans: [ProgramPlan] = []
  /// Debian packages that the programs need.
  private(set) var packages: [String] = []
  /// Configuration files, by path.
  private(set) var configuration: [String: String] = [:]
  /// Kernel modules that the programs may need, in addition to those of the device class.
  private(set) var modules: [String] = []

  /// Chooses the programs that an image needs. Chooses none if a program of the user is PID 1, because nothing would
  /// start them.
  init(_ image: ImageDefinition, users: UserIDs) {
    guard image.initProgram == nil else { return }
    if let wireless = image.wireless { addWirelessClient(wireless) }
    if case .automatic(let interfaces) = image.network {
      addNetworkClient(interfaces, wireless: image.wireless?.interface)
    }
    if !image.timeServers.isEmpty { addClock(image.timeServers, as: users["_chrony"]) }
    if image.update != nil { addUpdater() }
    addDaemon(users["cultivard"])
  }

  /// dhcpcd: IPv4 by DHCP, IPv6 by router advertisement and DHCPv6, name servers of both, carrier changes.
  private mutating func addNetworkClient(_ interfaces: [String], wireless: String?) {
    packages.append("dhcpcd-base")
    let wired = interfaces.isEmpty ? ["eth*", "en*"] : interfaces
    let allowed = (wired + (wireless.map { [$0] } ?? [])).joined(separator: " ")
    // `noarp`: probing for other users of an address takes five seconds at each boot, and the DHCP server has already
    // checked. `nodelay`: the first request goes out at once; the default delay is one second plus a random part, which
    // current networks do not need.
    configuration["/etc/dhcpcd.conf"] = """
      allowinterfaces \(allowed)
      nodev
      duid
      persistent
      hostname
      noarp
      nodelay
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

  /// wpa_supplicant, with the database of radio rules and the firmware. It starts when the interface is there.
  private mutating func addWirelessClient(_ wireless: WirelessDefinition) {
    packages += [Self.wirelessClient, Self.wirelessRules] + wireless.firmware
    modules += Self.wirelessModules
    plans.append(
      Self.plan(
        "wifi", "/usr/sbin/wpa_supplicant",
        ["-i", wireless.interface, "-D", "nl80211", "-c", WirelessPlan.configuration],
        capabilities: ["net_admin", "net_raw"], waitFor: [.path("/sys/class/net/\(wireless.interface)")], folders: []))
  }

  private static let wirelessClient = "wpasupplicant"
  /// The package with the database of radio rules.
  static let wirelessRules = "wireless-regdb"
  /// The kernel's wireless stack, and the ciphers that it asks a program for that an appliance does not have: `modprobe`.
  static let wirelessModules = ["cfg80211", "mac80211", "ccm", "gcm", "cmac", "ctr"]

  /// chrony: steps the clock if it is far off at start, keeps it accurate, and tells the kernel that it is
  /// synchronised.
  private mutating func addClock(_ servers: [String], as user: ProgramUser) {
    packages.append("chrony")
    // The name of a pool may stand for many servers, an address for only one.
    let rows = servers.map { "pool \($0) iburst maxsources 4" }
    // Open no port, neither for NTP clients nor for commands.
    configuration["/etc/chrony/chrony.conf"] =
      (rows + ["makestep 1.0 3", "rtcsync", "port 0", "cmdport 0", "bindcmdaddress /"]).joined(separator: "\n") + "\n"
    // Never runs as root: setting the clock is its only capability, and `-U` accepts that.
    var plan = Self.plan(
      "clock", "/usr/sbin/chronyd", ["-d", "-U", "-f", "/etc/chrony/chrony.conf"], capabilities: ["sys_time"],
      waitFor: [.network], folders: ["/var/lib/chrony", "/run/chrony"])
    plan.user = user
    plans.append(plan)
  }

  /// The updater mounts the boot partition in its own mount namespace. Its children, hooks and health checks, have no
  /// more rights than the updater itself.
  private mutating func addUpdater() {
    plans.append(
      Self.plan(
        "updater", DevicePaths.updater, [],
        capabilities: [
          "chown", "dac_override", "dac_read_search", "fowner", "kill", "net_bind_service", "net_raw", "setgid",
          "setuid", "sys_admin", "sys_module",
        ], folders: []))
  }

  private mutating func addDaemon(_ user: ProgramUser) {
    var plan = Self.plan("cultivard", DevicePaths.daemon, [], capabilities: ["net_bind_service"], folders: [])
    plan.user = user
    plans.append(plan)
  }

  private static func plan(
    _ name: String, _ executable: String, _ arguments: [String], capabilities: [String],
    waitFor: [WaitCondition] = [], folders: [String]
  ) -> ProgramPlan {
    ProgramPlan(
      name: name, isSystem: true, executable: executable, arguments: arguments, environment: [:], user: .root,
      home: "\(DevicePaths.homes)/\(name)", folders: folders, restart: RestartPolicy(condition: .always),
      waitFor: waitFor, stop: StopPlan(grace: 3_000),
      limits: ProgramLimits(memory: 128 << 20, processes: 64), capabilities: capabilities, privateTmp: true,
      seesAllDevices: capabilities.contains("sys_module"),
      writesKernelSettings: capabilities.contains("sys_admin"), log: LogPlan(ringBytes: 32_768))
  }
}
