import Glibc
import LinuxSystem

/// Limits of what programs in a sandbox may use of the host. Those of memory are the sizes of the file systems in it (``SandboxMounts``).
enum ProcessLimits {
  /// The most processes of a sandbox. Of a build that starts one for each processor this is far away.
  static let processes = 4096
  /// Milliseconds between two counts.
  static let interval: UInt64 = 100

  /// Sets the limits that a process hands on to its children: no core dumps, and of open files what a session has by default, whatever the
  /// host gives its services. Programs that need more ask for it.
  static func set() {
    set(RLIMIT_CORE, 0, 0)
    var files = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
    let most = min(files.rlim_max, 524_288)
    set(RLIMIT_NOFILE, min(1024, most), most)
    // It counts threads as well, for each user namespace alone since Linux 5.14, and root of the host is not held by it. So it only keeps
    // down what `isExceeded` is too slow for.
    set(__RLIMIT_NPROC, rlim_t(4 * processes), rlim_t(4 * processes))
  }

  /// Bounds the numbers of processes in this process's namespace, and so how many there can be until they are counted next.
  ///
  /// Since Linux 6.14 each namespace has a bound of its own. Before, it is the host's, and nothing is changed.
  ///
  /// - Parameter settings: `/proc/sys`.
  static func boundNumbers(in settings: Descriptor) throws {
    var names = utsname()
    guard uname(&names) == 0 else { return }
    let release = withUnsafeBytes(of: &names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    guard numbers.count == 2, (numbers[0], numbers[1]) >= (6, 14) else { return }
    try FileTree.write("\(2 * processes)", to: "\(settings.path)/kernel/pid_max")
  }

  /// True if there are more processes than the limit. Only for PID 1, which ends them all when it ends, however fast they multiply.
  static var isExceeded: Bool { FileTree.names(in: "/proc").count { UInt32($0) != nil } > processes }

  private static func set(_ resource: __rlimit_resource, _ soft: rlim_t, _ hard: rlim_t) {
    var limit = rlimit(rlim_cur: soft, rlim_max: hard)
    setrlimit(__rlimit_resource_t(resource.rawValue), &limit)
  }
}
