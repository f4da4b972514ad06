import CLinuxSystem
import Glibc

/// Namespaces of a process (`namespaces(7)`).
public struct NameSpaces: OptionSet, Sendable {
  /// The `CLONE_NEW*` numbers.
  public let rawValue: UInt64

  /// Makes a set of the kernel's numbers.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Ids of users and groups, and capabilities.
  public static let user = NameSpaces(rawValue: cultivar_new_user)
  /// Mounts.
  public static let mount = NameSpaces(rawValue: cultivar_new_mount)
  /// Processes. Only children of the process that asks are in it.
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

  /// Forks this process, which has one thread, into new namespaces.
  ///
  /// - Returns: Process id of the child; 0 in the child.
  /// - Throws: ``SystemError``.
  public static func fork(into spaces: NameSpaces = []) throws(SystemError) -> pid_t {
    try check("make", "a process") { cultivar_fork_into(spaces.rawValue) }
  }

  /// Keeps what is mounted in this process's mount namespace from other ones.
  ///
  /// - Throws: ``SystemError``.
  public static func makeMountsPrivate() throws(SystemError) {
    try check("make private", "the mounts") { cultivar_make_mounts_private() }
  }

  /// Makes the current folder, a mount point, the root, and unmounts everything that was the root before.
  ///
  /// - Throws: ``SystemError``.
  public static func takeCurrentFolderAsRoot() throws(SystemError) {
    try check("change", "the root") { cultivar_take_as_root() }
  }

  /// Kills this process when its parent ends. A change of credentials cancels it.
  ///
  /// - Throws: ``SystemError``.
  public static func endWithParent() throws(SystemError) {
    try check("tie", "the process to its parent") { cultivar_end_with_parent() }
  }

  /// Hides this process's memory, descriptors and executable from processes with no more rights.
  ///
  /// - Throws: ``SystemError``.
  public static func hideProcess() throws(SystemError) {
    try check("hide", "the process") { cultivar_hide_process() }
  }

  /// Leaves the caller's keyrings for an empty one.
  ///
  /// - Throws: ``SystemError``.
  public static func leaveKeyrings() throws(SystemError) {
    try check("leave", "the keyrings") { cultivar_leave_keyrings() }
  }

  /// Refuses system calls that reach out of namespaces, for this process and all that it executes: typing into a terminal, sockets to the
  /// hypervisor, keys, asynchronous I/O, and calls of other architectures.
  ///
  /// - Throws: ``SystemError``.
  public static func filterSystemCalls() throws(SystemError) {
    try check("filter", "system calls") { cultivar_filter_system_calls() }
  }

  /// Gives up all other capabilities, for this process and all that it executes.
  ///
  /// - Throws: ``SystemError``.
  public static func keepOnly(_ capabilities: CapabilitySet) throws(SystemError) {
    try check("give up", "capabilities") { cultivar_keep_capabilities(capabilities.mask) }
  }
}
