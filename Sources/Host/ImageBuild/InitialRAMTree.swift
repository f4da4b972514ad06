import DeviceModel
import FoundationEssentials
import HostSystem
import RootFilesystem

/// Builds the tree of the initial RAM file system: `init`, the modules that the root needs, and the file system
/// checker.
enum InitialRAMTree {
  /// - Parameters:
  ///   - modules: Modules that may be needed before the root is mounted.
  ///   - checker: The statically linked `e2fsck`.
  ///   - splash: Picture for the screen; `nil` for none.
  /// - Throws: `FileTreeConflict`, `FileFailure`.
  static func make(
    plan: BootPlan, executable: URL, modules: KernelModules?, checker: URL, splash: URL?
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
    if let splash {
      try tree.add(SplashImage.path, .file(.bytes(try Self.picture(splash))), mode: 0o644, from: "the project's splash")
    }
    if let modules { try tree.addFolder(modules.folder.path, keepModes: false, origin: "kernel") }
    return tree
  }

  /// Reads a picture, and checks that the device can show it.
  ///
  /// - Throws: `FileFailure`.
  static func picture(_ file: URL) throws(FileFailure) -> [UInt8] {
    let bytes = try FolderTree.readFile(file.path)
    do throws(SplashImage.Refusal) {
      _ = try SplashImage(bytes)
    } catch {
      throw FileFailure("use the picture", file.path, reason: "\(error); `pngtopnm` and `convert` make such pictures")
    }
    return bytes
  }
}
