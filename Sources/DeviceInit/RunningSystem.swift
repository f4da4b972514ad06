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
