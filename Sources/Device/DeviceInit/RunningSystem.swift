import DeviceModel
import Glibc
import LinuxSystem
import Provisioning

/// Sets up the running system in stage 2, before the first program starts.
///
/// No failure here keeps the programs from starting: it is noted, and the next step follows.
public struct RunningSystem {
  private let note: (String) -> Void

  /// - Parameter note: Receives a message for each step that failed.
  public init(note: @escaping (String) -> Void) {
    self.note = note
  }

  /// Mounts the kernel's file systems and those in memory.
  public func mountFileSystems() {
    attempt { try Mount.mountOnce("proc", at: "/proc", [.noSetUserID, .noDevices, .noExecution]) }
    attempt { try Mount.mountOnce("sysfs", at: "/sys", [.noSetUserID, .noDevices, .noExecution]) }
    attempt { try Mount.mountOnce("devtmpfs", at: "/dev", [.noSetUserID], options: "mode=755") }
    attempt { try Mount.mountOnce("tmpfs", at: "/run", [.noSetUserID, .noDevices], options: "mode=755") }
    attempt {
      try Mount.mountOnce(
        "devpts", at: "/dev/pts", [.noSetUserID, .noExecution], options: "mode=620,ptmxmode=666,gid=5")
    }
    attempt { try Mount.mountOnce("tmpfs", at: "/dev/shm", [.noSetUserID, .noDevices], options: "mode=1777") }
    attempt { try Mount.mountOnce("tmpfs", at: "/tmp", [.noSetUserID, .noDevices], options: "mode=1777") }
    attempt { try Mount.mountOnce("tmpfs", at: "/var", [.noSetUserID, .noDevices], options: "mode=755") }
    attempt {
      try Mount.mountOnce("cgroup2", at: "/sys/fs/cgroup", [.noSetUserID, .noDevices, .noExecution])
    }
    for folder in ["/var/lib", "/var/log", "/var/cache", "/run/lock", DevicePaths.run] {
      attempt { try FileTree.makeFolders(folder) }
    }
    attempt { try FileTree.makeFolders("/var/tmp", mode: 0o777) }
    chmod("/var/tmp", 0o1777)
    symlink("/run", "/var/run")
    symlink("/run/lock", "/var/lock")
  }

  /// The folder with the few devices that every program needs.
  public static let fewDevices = DevicePaths.run + "/dev"

  /// Makes a folder with the devices that every program needs, for programs that see no other devices.
  public func makeFewDevices() {
    let folder = Self.fewDevices
    attempt { try Mount.mount("tmpfs", from: "tmpfs", at: folder, [.noSetUserID, .noExecution], options: "mode=755") }
    // Linux, Documentation/admin-guide/devices.txt.
    for (name, major, minor) in [
      ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0),
    ] as [(String, UInt32, UInt32)] {
      attempt { try Self.makeNode("\(folder)/\(name)", major, minor) }
    }
    for (name, target) in [
      ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
      ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
    ] {
      symlink(target, "\(folder)/\(name)")
    }
    for name in ["pts", "shm"] { attempt { try FileTree.makeFolders("\(folder)/\(name)") } }
    attempt { try Mount.bind("/dev/pts", at: "\(folder)/pts") }
  }

  private static func makeNode(_ path: String, _ major: UInt32, _ minor: UInt32) throws(SystemError) {
    // makedev(3) for small numbers. chmod sets the mode, as mknod applies the umask.
    guard mknod(path, S_IFCHR | 0o666, dev_t(major << 8 | minor)) == 0, chmod(path, 0o666) == 0 else {
      throw SystemError("make", path)
    }
  }

  /// Kernel settings of a device, unless its command line sets others (`sysctl.NAME=VALUE`). Only root can read the
  /// kernel's addresses and messages. Links and pipes of other users in shared folders are not followed. Without root
  /// there are no user namespaces, no BPF programs and no other kernel. Nobody on the network can redirect packets.
  static let settings: [(name: String, value: String)] =
    [
      ("kernel.kptr_restrict", "2"), ("kernel.dmesg_restrict", "1"), ("kernel.kexec_load_disabled", "1"),
      ("kernel.unprivileged_bpf_disabled", "1"), ("kernel.unprivileged_userns_clone", "0"),
      ("user.max_user_namespaces", "0"), ("fs.protected_hardlinks", "1"), ("fs.protected_symlinks", "1"),
      ("fs.protected_fifos", "2"), ("fs.protected_regular", "2"), ("fs.suid_dumpable", "0"),
    ]
    + ["all", "default"].flatMap { interfaces in
      [
        ("net.ipv4.conf.\(interfaces).accept_redirects", "0"), ("net.ipv4.conf.\(interfaces).secure_redirects", "0"),
        ("net.ipv4.conf.\(interfaces).send_redirects", "0"), ("net.ipv4.conf.\(interfaces).accept_source_route", "0"),
        ("net.ipv6.conf.\(interfaces).accept_redirects", "0"),
      ]
    }

  /// Applies the kernel settings. Skips those that this kernel does not have.
  ///
  /// - Parameters:
  ///   - commandLine: The kernel command line.
  ///   - folder: The folder with the settings.
  public func applySettings(commandLine: String, in folder: String = "/proc/sys") {
    let given = commandLine.split(separator: " ").compactMap { word in
      word.hasPrefix("sysctl.") ? word.dropFirst(7).prefix { $0 != "=" } : nil
    }
    for (name, value) in Self.settings where !given.contains(where: { $0.replacing("/", with: ".") == name }) {
      let path = "\(folder)/\(name.replacing(".", with: "/"))"
      if FileTree.exists(path) { attempt { try FileTree.write("\(value)\n", to: path) } }
    }
  }

  /// Sets the host name and brings the loopback interface up.
  public func setIdentity(hostname: String) {
    attempt { try Kernel.setHostName(hostname) }
    attempt { try NetworkConfiguration().bringUp("lo") }
  }

  /// Writes the configuration of the wireless network client, readable only for root.
  ///
  /// - Parameter values: The values for the first boot. Without a network, the client runs and joins none.
  public func configure(_ wireless: WirelessPlan, values: FirstBootValues?) {
    var values = values ?? FirstBootValues()
    if values[.wifiCountry] == nil, let country = wireless.country { try? values.add(country, for: .wifiCountry) }
    let text =
      WirelessConfiguration(values)?.supplicant
      ?? WirelessConfiguration.supplicantWithoutNetwork(country: values[.wifiCountry])
    attempt { try FileTree.replace(WirelessPlan.configuration, with: Array(text.utf8), mode: 0o600) }
    if values.wirelessName == nil {
      note("wifi: no network is known: the values for the first boot have no `wifi-ssid`")
    }
  }

  /// Steps the clock forward to the latest time that is known to have passed. Leaves a later clock alone.
  ///
  /// - Parameter times: Times in seconds since 1970.
  public func stepClock(toAtLeast times: [Int]) {
    guard let latest = times.max(), Clock.seconds < latest else { return }
    attempt { try Clock.set(seconds: latest) }
    note("the clock was set forward to \(Clock.text(seconds: latest))")
  }

  /// Gives interfaces their static addresses. Can be called again when interfaces are added.
  ///
  /// - Parameter interfaces: The interfaces of the plan. Those that do not exist yet are skipped.
  public func configure(_ interfaces: [StaticInterface]) {
    for interface in interfaces {
      guard let name = interface.name ?? NetworkConfiguration.ethernetInterfaces().first,
        FileTree.exists("/sys/class/net/\(name)")
      else { continue }
      attempt { try configure(name, interface) }
    }
  }

  private func configure(_ name: String, _ interface: StaticInterface) throws(SystemError) {
    let network = try NetworkConfiguration()
    try network.bringUp(name)
    for text in interface.addresses {
      guard let address = NetworkAddress(text) else {
        note("\(name): “\(text)” is not an address")
        continue
      }
      try network.add(address, to: name)
    }
    for text in interface.gateways {
      guard let gateway = NetworkAddress(text) else {
        note("\(name): “\(text)” is not an address")
        continue
      }
      try network.addDefaultRoute(by: gateway, on: name)
    }
  }

  private func attempt(_ step: () throws -> Void) {
    do {
      try step()
    } catch {
      note("\(error)")
    }
  }
}
