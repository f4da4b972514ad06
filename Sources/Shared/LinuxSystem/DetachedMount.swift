import CLinuxSystem
import Glibc

/// A mount that is not attached to a path yet (`open_tree(2)`): a folder or a single file, to be shown at another place.
public struct DetachedMount {
  private let mount: Descriptor
  private let isRecursive: Bool

  /// Makes a copy of what is mounted at an open path.
  ///
  /// In a user namespace the kernel does so with all that is mounted below it, or not at all; elsewhere it is done without.
  ///
  /// - Throws: ``SystemError``.
  public init(of path: Descriptor, named name: String) throws(SystemError) {
    let single = cultivar_clone_mount(path.number, false)
    isRecursive = single < 0
    mount = Descriptor(
      owning: single >= 0 ? single : try check("bind", name) { cultivar_clone_mount(path.number, true) })
  }

  /// Restricts it, with all that is mounted below it.
  ///
  /// - Parameters:
  ///   - isReadOnly: True if nothing can be written to it.
  ///   - hasDevices: False if device nodes and set-user-ID bits have no effect.
  /// - Throws: ``SystemError``.
  public func restrict(isReadOnly: Bool = true, hasDevices: Bool = false) throws(SystemError) {
    try check("restrict", "a mount") { cultivar_restrict_mount(mount.number, isReadOnly, hasDevices, isRecursive) }
  }

  /// Executes the file that it is, which then cannot be changed through `/proc`. Returns only on failure.
  ///
  /// - Throws: ``SystemError``.
  public func execute(_ arguments: [String]) throws(SystemError) {
    let words = arguments.map { strdup($0) } + [nil]
    try check("execute", arguments.first ?? "") { cultivar_execute(mount.number, words) }
  }

  /// Attaches it.
  ///
  /// - Parameter path: An open path: a folder for a folder, a file for a file.
  /// - Throws: ``SystemError``.
  public func attach(to path: Descriptor, named name: String) throws(SystemError) {
    try check("mount", name) { cultivar_attach_mount(mount.number, path.number) }
  }
}
