import DeviceModel
import Glibc
import LinuxSystem

/// What stage 2 sets up before the first program starts.
///
/// Nothing here is a reason not to start the programs: each step that fails is noted, and the next one is done.
public struct RunningSystem {
  private let note: (String) -> Void

  /// - Parameter note: is told what could not be done.
  public init(note: @escaping (String) -> Void) {
    self.note = note
  }

  /// Mounts the file systems that live in memory and those of the kernel.
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

  /// Where the few devices are that every program needs.
  public static let fewDevices = DevicePaths.run + "/dev"

  /// Makes a folder with the devices that every program needs, for those that see no others.
  public func makeFewDevices() {
    let folder = Self.fewDevices
    attempt { try Mount.mount("tmpfs", from: "tmpfs", at: folder, [.noSetUserID, .noExecution], options: "mode=755") }
    // Documentation/admin-guide/devices.txt of Linux.
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
    // makedev(3), of small numbers; the mode of a process that has another umask.
    guard mknod(path, S_IFCHR | 0o666, dev_t(major << 8 | minor)) == 0, chmod(path, 0o666) == 0 else {
      throw SystemError("make", path)
    }
  }

  /// Settings of the kernel that a device has unless its command line gives others (`sysctl.NAME=VALUE`): nobody but root learns addresses
  /// of the kernel or reads its messages; links and pipes of others in shared folders are not followed; no user name spaces, no program in the
  /// kernel and no other kernel without root; nobody on the network redirects packets.
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

  /// Sets the kernel's settings; one that this kernel does not have is none.
  ///
  /// - Parameters:
  ///   - commandLine: That of the kernel.
  ///   - folder: Where the settings are.
  public func applySettings(commandLine: String, in folder: String = "/proc/sys") {
    let given = commandLine.split(separator: " ").compactMap { word in
      word.hasPrefix("sysctl.") ? word.dropFirst(7).prefix { $0 != "=" } : nil
    }
    for (name, value) in Self.settings where !given.contains(where: { $0.replacing("/", with: ".") == name }) {
      let path = "\(folder)/\(name.replacing(".", with: "/"))"
      if FileTree.exists(path) { attempt { try FileTree.write("\(value)\n", to: path) } }
    }
  }

  /// Gives the machine its name and brings the loopback interface up.
  public func setIdentity(hostname: String) {
    attempt { try Kernel.setHostName(hostname) }
    attempt { try NetworkConfiguration().bringUp("lo") }
  }

  /// Steps the clock forward to the latest time that is known to have passed; a clock that is later is left alone.
  ///
  /// - Parameter times: in seconds since 1970.
  public func stepClock(toAtLeast times: [Int]) {
    guard let latest = times.max(), Clock.seconds < latest else { return }
    attempt { try Clock.set(seconds: latest) }
    note("the clock was set forward to \(Clock.text(seconds: latest))")
  }

  /// Gives interfaces the addresses that the plan names. It may be repeated when interfaces have come.
  ///
  /// - Parameter interfaces: those whose interface is not there are left for the next time.
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
