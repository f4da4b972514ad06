import DeviceModel
import Foundation
import Project

/// What a system gets that an appliance has anyhow: the device executable, and what starts the updater.
struct UpdateSoftware {
  private let updates: DeviceUpdates
  private let executable: URL
  private let time: Int64

  /// - Parameter time: Of everything in the image, in seconds since 1970.
  init(_ updates: DeviceUpdates, executable: URL, time: Int64) {
    self.updates = updates
    self.executable = executable
    self.time = time
  }

  /// Name of the updater's unit.
  static let unit = "cultivar-updater.service"

  /// Adds files and units to a layer.
  func add(to layer: inout SystemLayer, _ identity: ImageIdentity, at position: SourcePosition) throws {
    func file(_ path: String, _ content: SystemFile.Content, mode: UInt32 = 0o644) -> SystemFile {
      SystemFile(position: position, path: path, content: content, mode: mode)
    }
    layer.files += [
      file(DevicePaths.executable, .file(executable), mode: 0o755),
      file(DevicePaths.updater, .link(DevicePaths.executable)),
      file(DevicePaths.control, .link(DevicePaths.executable)),
      file(UpdatePlan.path, .text(String(decoding: try updates.plan(identity, time: time), as: UTF8.self))),
      // A root of trust is bytes, and a layer's files are text or files of the build host.
      file(UpdatePlan.trustRoot, .file(updates.trustFile)),
      file("/usr/lib/systemd/system/\(Self.unit)", .text(Self.service)),
      // Stage 1 arms the watchdog for a trial; from then on it is systemd's to feed.
      file(
        "/usr/lib/systemd/system.conf.d/10-cultivar.conf",
        .text("[Manager]\nRuntimeWatchdogSec=30s\nRebootWatchdogSec=5min\n")),
    ]
    layer.units.enabled.append(Self.unit)
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
}
