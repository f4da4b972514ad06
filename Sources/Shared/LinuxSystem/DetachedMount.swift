import CLinuxSystem
import Glibc

/// A mount that is not attached to a path (`open_tree(2)`): a copy of a directory or a single file, to attach
/// elsewhere.
public struct DetachedMount {
  private let mount: Descriptor
  private let isRecursive: Bool

  /// Makes a detached copy of the mount at an open path.
  ///
  /// In a user namespace, the kernel may refuse a copy without the mounts below the path. Only then does the copy
  /// include them.
  ///
  /// - Throws: ``SystemError``.
  public init(of path: Descriptor, named name: String) throws(SystemError) {
    let single = cultivar_clone_mount(path.number, false)
    isRecursive = single < 0
    mount = Descriptor(
      owning: single >= 0 ? single : try check("bind", name) { cultivar_clone_mount(path.number, true) })
  }

  /// Restricts the mount, and the mounts below it if the copy includes them.
  ///
  /// - Parameters:
  ///   - isReadOnly: True to make it read-only.
  ///   - hasDevices: False to ignore device nodes and set-user-ID bits.
  /// - Throws: ``SystemError``.
  public func restrict(isReadOnly: Bool = true, hasDevices: Bool = false) throws(SystemError) {
    try check("restrict", "a mount") { cultivar_restrict_mount(mount.number, isReadOnly, hasDevices, isRecursive) }
  }

  /// Executes the mounted file. Because it runs from this mount, it cannot be changed through `/proc`. Returns only on
  /// failure.
  ///
  /// - Throws: ``SystemError``.
  public func execute(_ arguments: [String]) throws(SystemError) {
    let words = arguments.map { strdup($0) } + [nil]
    try check("execute", arguments.first ?? "") { cultivar_execute(mount.number, words) }
  }

  /// Attaches the mount.
  ///
  /// - Parameter path: An open path of the same kind: a directory or a file.
  /// - Throws: ``SystemError``.
  public func attach(to path: Descriptor, named name: String) throws(SystemError) {
    try check("mount", name) { cultivar_attach_mount(mount.number, path.number) }
  }
}
