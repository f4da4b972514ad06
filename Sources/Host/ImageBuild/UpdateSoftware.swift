import DeviceModel
import FoundationEssentials
import Project

/// The software that a system gets for updates and an appliance always has: the device executable, and the units of the
/// updater and the daemon.
struct UpdateSoftware {
  private let updates: DeviceUpdates
  private let executable: URL
  private let time: Int64
  private let management: ManagementPlan?

  /// - Parameters:
  ///   - time: Timestamp of everything in the image, in seconds since 1970.
  ///   - management: The plan of the management API; `nil` for none.
  init(_ updates: DeviceUpdates, executable: URL, time: Int64, management: ManagementPlan?) {
    self.updates = updates
    self.executable = executable
    self.time = time
    self.management = management
  }

  static let unit = "cultivar-updater.service"
  static let daemonUnit = "cultivard.service"

  func add(to layer: inout SystemLayer, _ identity: ImageIdentity, at position: SourcePosition) throws {
    func file(_ path: String, _ content: SystemFile.Content, mode: UInt32 = 0o644) -> SystemFile {
      SystemFile(position: position, path: path, content: content, mode: mode)
    }
    layer.files += [
      file(DevicePaths.executable, .file(executable), mode: 0o755),
      file(DevicePaths.updater, .link(DevicePaths.executable)),
      file(DevicePaths.control, .link(DevicePaths.executable)),
      file(UpdatePlan.path, .text(String(decoding: try updates.plan(identity, time: time), as: UTF8.self))),
      // A root of trust is binary, and a layer's files are text or files of the build host.
      file(UpdatePlan.trustRoot, .file(updates.trustFile)),
      file("/usr/lib/systemd/system/\(Self.unit)", .text(Self.service)),
      // Stage 1 arms the watchdog for a trial; after that, systemd must feed it.
      file(
        "/usr/lib/systemd/system.conf.d/10-cultivar.conf",
        .text("[Manager]\nRuntimeWatchdogSec=30s\nRebootWatchdogSec=5min\n")),
    ]
    layer.units.enabled.append(Located(value: Self.unit, position: position))
    guard let management else { return }
    layer.users.append(Self.daemonUser(at: position))
    layer.files += [
      file(DevicePaths.daemon, .link(DevicePaths.executable)),
      file(ManagementPlan.path, .text(String(decoding: try PlanText.encode(management), as: UTF8.self))),
      // systemd sets up the unit's mount namespace before it runs anything, so the folder must exist by then.
      file(
        "/usr/lib/tmpfiles.d/cultivard.conf",
        .text("d \(DevicePaths.daemonHome) 0700 \(UserIDs.daemon.name) \(UserIDs.daemon.name)\n")),
      file("/usr/lib/systemd/system/\(Self.daemonUnit)", .text(Self.daemonService)),
    ]
    layer.units.enabled.append(Located(value: Self.daemonUnit, position: position))
  }

  /// The daemon's user, with the same id as on appliances and in every release, because files on the data partition
  /// belong to it.
  private static func daemonUser(at position: SourcePosition) -> SystemUser {
    SystemUser(system: UserIDs.daemon.name, uid: UserIDs.daemon.uid, position: position)
  }

  private static let service = """
    [Unit]
    Description=Cultivar updater
    # It watches whether everything else comes up, so nothing waits for it.
    DefaultDependencies=no
    After=local-fs.target dbus.socket
    Conflicts=shutdown.target
    Before=shutdown.target

    [Service]
    ExecStart=\(DevicePaths.updater)
    Restart=always
    RestartSec=1
    PrivateTmp=yes
    ProtectHome=yes
    NoNewPrivileges=yes

    [Install]
    WantedBy=multi-user.target

    """

  private static let daemonService = """
    [Unit]
    Description=Cultivar management API
    After=network.target \(unit)
    RequiresMountsFor=\(DevicePaths.data)

    [Service]
    User=\(UserIDs.daemon.name)
    ExecStart=\(DevicePaths.daemon)
    Restart=always
    RestartSec=1
    AmbientCapabilities=CAP_NET_BIND_SERVICE
    CapabilityBoundingSet=CAP_NET_BIND_SERVICE
    NoNewPrivileges=yes
    PrivateDevices=yes
    PrivateTmp=yes
    ProtectSystem=strict
    ReadWritePaths=\(DevicePaths.daemonHome)

    [Install]
    WantedBy=multi-user.target

    """
}
