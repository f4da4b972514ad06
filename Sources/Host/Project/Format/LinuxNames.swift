import Glibc

/// A signal that asks a program to end, by its name without `SIG` (signal(7)).
enum StopSignal: String, Sendable, CaseIterable {
  case term = "TERM"
  case int = "INT"
  case quit = "QUIT"
  case hup = "HUP"
  case usr1 = "USR1"
  case usr2 = "USR2"
  case winch = "WINCH"
  case kill = "KILL"

  /// The number, which is the same on x86-64 and arm64.
  var number: Int32 {
    switch self {
    case .term: SIGTERM
    case .int: SIGINT
    case .quit: SIGQUIT
    case .hup: SIGHUP
    case .usr1: SIGUSR1
    case .usr2: SIGUSR2
    case .winch: SIGWINCH
    case .kill: SIGKILL
    }
  }
}

/// The names of the Linux kernel's interface.
enum LinuxNames {
  /// All capabilities (capabilities(7), linux/capability.h), in the order of their numbers.
  static let capabilities = [
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
    "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
    "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
    "checkpoint_restore",
  ]
}
