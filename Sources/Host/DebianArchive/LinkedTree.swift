import FoundationEssentials
import Glibc
import HostSystem

/// Builds a tree of package files with hard links to the unpacked packages. Both are in the same cache, and nothing
/// writes to these files.
public enum LinkedTree {
  /// Adds a package's unpacked files.
  ///
  /// - Parameter place: Closure that maps a path in the package to a path in the tree, both relative. For `nil`, the
  ///   file is left out, or the folder with all its content.
  /// - Returns: Paths of the regular files in the tree.
  /// - Throws: `FileFailure`.
  @discardableResult public static func add(
    _ package: URL, to tree: URL, at place: (_ path: String, _ isFolder: Bool) -> String? = { path, _ in path }
  ) throws -> [String] {
    var result: [String] = []
    // Path of a folder that was left out, with a slash at its end.
    var omitted: String?
    // The list is in the order of a walk: a folder comes directly before its content.
    for relative in (try? FileManager.default.subpathsOfDirectory(atPath: package.path)) ?? [] {
      if let omitted, relative.hasPrefix(omitted) { continue }
      let source = package.appending(path: relative).path
      var status = stat()
      guard lstat(source, &status) == 0 else { continue }
      let isFolder = status.st_mode & S_IFMT == S_IFDIR
      guard let path = place(relative, isFolder) else {
        if isFolder { omitted = relative + "/" }
        continue
      }
      let target = tree.appending(path: path).path
      if isFolder {
        try FolderTree.create(target)
      } else if Glibc.link(source, target) != 0, errno != EEXIST {
        throw FileFailure.last("link a package's file to", target)
      }
      if status.st_mode & S_IFMT == S_IFREG { result.append(path) }
    }
    return result
  }
}
