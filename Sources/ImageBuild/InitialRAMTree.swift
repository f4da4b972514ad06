import DeviceModel
import Foundation
import HostSystem
import RootFilesystem

/// Puts the initial RAM file system together: `init`, the modules on the way to the root, and the file system checker.
enum InitialRAMTree {
  /// Makes the tree.
  ///
  /// - Parameters:
  ///   - bootModules: Names of the modules that may be needed before the root is mounted; what they need comes with them.
  ///   - checker: The statically linked `e2fsck`.
  /// - Throws: `FileTreeConflict`, `FileFailure`.
  static func make(
    plan: BootPlan, executable: URL, modules: KernelModules?, bootModules: [String], checker: URL
  ) throws -> FileTree {
    let own = "cultivar"
    var tree = FileTree()
    for folder in ["dev", "newroot", "proc", "run", "sys", "tmp"] {
      try tree.add(folder, .folder, mode: 0o755, from: own)
    }
    // The kernel opens the console before init can mount anything.
    try tree.add("dev/console", .characterDevice(major: 5, minor: 1), mode: 0o600, from: own)
    try tree.addFile("init", from: executable.path, mode: 0o755, origin: own)
    try tree.addFile("usr/sbin/e2fsck", from: checker.path, mode: 0o755, origin: "package e2fsck-static")
    try tree.add(BootPlan.path, .file(.bytes(try PlanText.encode(plan))), mode: 0o644, from: own)
    if let modules {
      let folder = "usr/lib/modules/\(modules.version)"
      let wanted = Set(modules.closure(of: bootModules).compactMap { modules.paths[$0] })
      try tree.addFolder(modules.folder.path, keepModes: false, origin: "kernel") { path in
        guard path.hasSuffix(".ko") else { return true }
        return wanted.contains(String(path.dropFirst(folder.count + 1)))
      }
      dropEmptyFolders(&tree)
    }
    return tree
  }

  private static func dropEmptyFolders(_ tree: inout FileTree) {
    let modules = tree.paths.filter { $0.hasSuffix(".ko") }
    tree.keep { path in
      guard path.contains("/kernel/"), !path.hasSuffix(".ko") else { return true }
      return modules.contains { $0.hasPrefix(path + "/") }
    }
  }
}
