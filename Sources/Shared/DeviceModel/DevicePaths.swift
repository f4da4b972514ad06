/// Paths on a device that several parts of the software use.
public enum DevicePaths {
  /// Mount point of the data partition.
  public static let data = "/data"
  /// Home directories of the programs, on the data partition.
  public static let homes = "/data/home"
  /// Log files of the programs, on the data partition.
  public static let logs = "/data/log"
  /// Persistent parts of a system's root, on the data partition, under the same paths as in the root.
  public static let state = "/data/state"
  /// Cultivar's own records on the data partition, such as the machine ID and the record of failures.
  public static let records = "/data/cultivar"
  /// The updater's records.
  public static let updateRecords = records + "/update"
  /// Name of a file in ``updateRecords``: the root of the hash tree of the root file system that the device was flashed
  /// with, in hexadecimal.
  public static let flashedRoot = "flashed-root"
  /// Sockets and other files that exist until the next start.
  public static let run = "/run/cultivar"
  /// Mount point of the image's root file system, without later changes.
  public static let imageRoot = "/run/cultivar/image"
  /// Files that were written to a system's root since the start. This layer is in memory.
  public static let volatileLayer = "/run/cultivar/volatile"
  /// Socket of the supervisor, for `cultivarctl` and `cultivard`.
  public static let controlSocket = "/run/cultivar/init.sock"
  /// Socket of the updater, for `cultivarctl` and `cultivard`.
  public static let updateSocket = "/run/cultivar/update.sock"
  /// The argument of the next restart for the firmware. The updater writes it, and PID 1 of an appliance reads it.
  public static let restartArgument = run + "/restart-argument"
  /// The argument of the next restart in a system: systemd reads it.
  public static let systemdRestartArgument = "/run/systemd/reboot-param"
  /// Home directory of the daemon, with its certificate.
  public static let daemonHome = homes + "/cultivard"
  /// SHA-256 of the token that the device got when it was flashed. Stage 1 writes it, readable only by the daemon.
  public static let tokenHash = run + "/management-token-hash"
  /// The values for the first boot, for stage 2 of an appliance. Readable only by root.
  public static let firstBootValues = run + "/first-boot-values"
  /// The current name servers; `/etc/resolv.conf` is a link to this file.
  public static let resolvConf = "/run/resolv.conf"
  /// The device executable in a root file system; `init`, `cultivard` and `cultivarctl` are links to it.
  public static let executable = "/usr/lib/cultivar/cultivar-device"
  /// PID 1 of an appliance.
  public static let initProgram = "/usr/lib/cultivar/init"
  public static let daemon = "/usr/lib/cultivar/cultivard"
  /// The updater. Besides `init`, only the updater writes to disks. It does not use the network.
  public static let updater = "/usr/lib/cultivar/updater"
  /// The command-line tool.
  public static let control = "/usr/bin/cultivarctl"
  /// Script of the DHCP client; it writes ``resolvConf``.
  public static let dhcpHook = "/usr/lib/cultivar/dhcp-hook"
}
