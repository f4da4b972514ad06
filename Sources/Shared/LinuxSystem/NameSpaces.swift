import CLinuxSystem
import Glibc

/// Namespaces of a process (`namespaces(7)`).
public struct NameSpaces: OptionSet, Sendable {
  /// The `CLONE_NEW*` constants.
  public let rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// User and group IDs, and capabilities.
  public static let user = NameSpaces(rawValue: cultivar_new_user)
  /// Mounts.
  public static let mount = NameSpaces(rawValue: cultivar_new_mount)
  /// Process IDs. Only later children of the calling process are in the new namespace.
  public static let processes = NameSpaces(rawValue: cultivar_new_pid)
  /// System V and POSIX inter-process communication.
  public static let communication = NameSpaces(rawValue: cultivar_new_ipc)
  /// Host name.
  public static let hostName = NameSpaces(rawValue: cultivar_new_uts)
  /// Network interfaces.
  public static let network = NameSpaces(rawValue: cultivar_new_network)
  /// Control groups.
  public static let controlGroups = NameSpaces(rawValue: cultivar_new_cgroup)

  /// Moves this process into new namespaces.
  ///
  /// - Throws: ``SystemError``.
  public static func enter(_ spaces: NameSpaces) throws(SystemError) {
    try check("make", "namespaces") { cultivar_unshare(spaces.rawValue) }
  }

  /// Forks this process into new namespaces. The process must have only one thread.
  ///
  /// - Returns: The child's process ID; 0 in the child.
  /// - Throws: ``SystemError``.
  public static func fork(into spaces: NameSpaces = []) throws(SystemError) -> pid_t {
    try check("make", "a process") { cultivar_fork_into(spaces.rawValue) }
  }

  /// Stops the propagation of mounts to other mount namespaces.
  ///
  /// - Throws: ``SystemError``.
  public static func makeMountsPrivate() throws(SystemError) {
    try check("make private", "the mounts") { cultivar_make_mounts_private() }
  }

  /// Makes the current directory, which must be a mount point, the root. Unmounts the old root with all mounts below
  /// it.
  ///
  /// - Throws: ``SystemError``.
  public static func takeCurrentFolderAsRoot() throws(SystemError) {
    try check("change", "the root") { cultivar_take_as_root() }
  }

  /// Makes the kernel kill this process when its parent exits. A change of credentials cancels this.
  ///
  /// - Throws: ``SystemError``.
  public static func endWithParent() throws(SystemError) {
    try check("tie", "the process to its parent") { cultivar_end_with_parent() }
  }

  /// Protects this process's memory, descriptors and executable from processes without more privileges.
  ///
  /// - Throws: ``SystemError``.
  public static func hideProcess() throws(SystemError) {
    try check("hide", "the process") { cultivar_hide_process() }
  }

  /// Gives the process a new empty session keyring, instead of the caller's.
  ///
  /// - Throws: ``SystemError``.
  public static func leaveKeyrings() throws(SystemError) {
    try check("leave", "the keyrings") { cultivar_leave_keyrings() }
  }

  /// Blocks system calls that bypass namespaces, for this process and all programs that it executes: terminal input
  /// injection, sockets to the hypervisor, keyrings, and io_uring, which would bypass this filter. Also blocks system
  /// calls of other architectures.
  ///
  /// - Throws: ``SystemError``.
  public static func filterSystemCalls() throws(SystemError) {
    try check("filter", "system calls") { cultivar_filter_system_calls() }
  }

  /// Drops all other capabilities, for this process and all programs that it executes.
  ///
  /// - Throws: ``SystemError``.
  public static func keepOnly(_ capabilities: CapabilitySet) throws(SystemError) {
    try check("give up", "capabilities") { cultivar_keep_capabilities(capabilities.mask) }
  }
}
