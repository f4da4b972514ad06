import FoundationEssentials
import Glibc
import HostSystem

/// Files of packages put together in one tree by hard links: they are in the same cache, and nobody writes to them.
public enum LinkedTree {
  /// Adds a package's unpacked files.
  ///
  /// - Parameter place: Gives the path in the tree for a path in the package, both relative; `nil` leaves it out, and a folder with all
  ///   that is below.
  /// - Returns: Paths of the regular files in the tree.
  /// - Throws: `FileFailure`.
  @discardableResult public static func add(
    _ package: URL, to tree: URL, at place: (_ path: String, _ isFolder: Bool) -> String? = { path, _ in path }
  ) throws -> [String] {
    var result: [String] = []
    // Folders that were left out, each with a slash at its end.
    var omitted: String?
    // In the order of a walk: a folder stands right before what is in it.
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
