/// Places on a device that more than one part of the software has to agree on.
public enum DevicePaths {
  /// Mount point of the data partition.
  public static let data = "/data"
  /// Homes of the programs, on the data partition.
  public static let homes = "/data/home"
  /// Log files of the programs, on the data partition.
  public static let logs = "/data/log"
  /// What persists of a system's root, on the data partition: each path below it as it is in the root.
  public static let state = "/data/state"
  /// What Cultivar itself keeps on the data partition: machine id, record of failures.
  public static let records = "/data/cultivar"
  /// What the updater keeps of these.
  public static let updateRecords = records + "/update"
  /// Root of the hash tree of the root file system that a device was flashed with, in hexadecimal: a file in ``updateRecords``.
  public static let flashedRoot = "flashed-root"
  /// Sockets and other things that live until the next boot.
  public static let run = "/run/cultivar"
  /// Where a system's root shows what the image brought, below what was written since.
  public static let imageRoot = "/run/cultivar/image"
  /// What was written to a system's root since it started; it is in memory.
  public static let volatileLayer = "/run/cultivar/volatile"
  /// Socket of the supervisor, for `cultivarctl` and `cultivard`.
  public static let controlSocket = "/run/cultivar/init.sock"
  /// Socket of the updater, for `cultivarctl` and `cultivard`.
  public static let updateSocket = "/run/cultivar/update.sock"
  /// What the daemon itself keeps: its certificate.
  public static let daemonHome = homes + "/cultivard"
  /// SHA-256 of the token that the device got when it was flashed; stage 1 puts it there for the daemon alone.
  public static let tokenHash = run + "/management-token-hash"
  /// The name servers of the moment; `/etc/resolv.conf` is a link to it.
  public static let resolvConf = "/run/resolv.conf"
  /// The device executable in a root file system; `init`, `cultivard` and `cultivarctl` are links to it.
  public static let executable = "/usr/lib/cultivar/cultivar-device"
  /// PID 1 of an appliance.
  public static let initProgram = "/usr/lib/cultivar/init"
  /// The daemon.
  public static let daemon = "/usr/lib/cultivar/cultivard"
  /// What changes slots: the only part besides `init` that writes to disks, and it speaks with nobody on the network.
  public static let updater = "/usr/lib/cultivar/updater"
  /// The command line.
  public static let control = "/usr/bin/cultivarctl"
  /// Script of the DHCP client; it writes ``resolvConf``.
  public static let dhcpHook = "/usr/lib/cultivar/dhcp-hook"
}
