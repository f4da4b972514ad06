import Glibc
import LinuxSystem

/// Limits for the programs in a sandbox. Memory is limited by the sizes of the file systems in it (``SandboxMounts``).
enum ProcessLimits {
  /// Maximum number of processes in a sandbox. It is far above the needs of a build with one process for each
  /// processor.
  static let processes = 4096
  /// Interval in milliseconds at which the processes are counted.
  static let interval: UInt64 = 100

  /// Sets the limits that child processes inherit: no core dumps, and the default number of open files, even if the
  /// host's services have another one. Programs that need more open files can raise the limit.
  static func set() {
    set(RLIMIT_CORE, 0, 0)
    var files = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
    let most = min(files.rlim_max, 524_288)
    set(RLIMIT_NOFILE, min(1024, most), most)
    // This limit also counts threads, and root of the host is exempt. Since Linux 5.14 it counts each user namespace
    // separately. It only slows down growth that is too fast for `isExceeded`.
    set(__RLIMIT_NPROC, rlim_t(4 * processes), rlim_t(4 * processes))
  }

  /// Limits the process IDs in this PID namespace, and so the number of processes between two counts.
  ///
  /// Since Linux 6.14, each namespace has its own limit. In older kernels it is the host's, which is not changed.
  ///
  /// - Parameter settings: The folder `/proc/sys`.
  static func boundNumbers(in settings: Descriptor) throws {
    var names = utsname()
    guard uname(&names) == 0 else { return }
    let release = withUnsafeBytes(of: &names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    guard numbers.count == 2, (numbers[0], numbers[1]) >= (6, 14) else { return }
    try FileTree.write("\(2 * processes)", to: "\(settings.path)/kernel/pid_max")
  }

  /// True if there are more processes than the limit. Only for PID 1: its end is the end of all other processes.
  static var isExceeded: Bool { FileTree.names(in: "/proc").count { UInt32($0) != nil } > processes }

  private static func set(_ resource: __rlimit_resource, _ soft: rlim_t, _ hard: rlim_t) {
    var limit = rlimit(rlim_cur: soft, rlim_max: hard)
    setrlimit(__rlimit_resource_t(resource.rawValue), &limit)
  }
}
