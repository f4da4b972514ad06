import FoundationEssentials
import Glibc

extension FolderTree {
  /// Removes a file, or a folder with its content. Does not follow links or enter other mounts.
  ///
  /// It is for the build's own files. Files that cannot be removed stay until a later build removes them.
  public static func remove(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    let item = URL(fileURLWithPath: path)
    let folder = item.deletingLastPathComponent().resolvingSymlinksInPath().path
    Removal(mountPoints: mountPoints()).remove("\(folder)/\(item.lastPathComponent)", status, device: status.st_dev)
  }

  private struct Removal {
    /// Paths of mount points, bind mounts of the same file system included. Those have the same device number as the
    /// folder around them, so comparing devices is not enough.
    var mountPoints: Set<String>

    func remove(_ path: String, _ status: stat, device: dev_t) {
      guard status.st_mode & S_IFMT == S_IFDIR else {
        unlink(path)
        return
      }
      // A mount left below a scratch folder must not be emptied.
      guard status.st_dev == device, !mountPoints.contains(path) else { return }
      // Build tools of languages keep downloaded sources read-only, and packages have folders that their owner cannot
      // list.
      if status.st_mode & 0o700 != 0o700 { chmod(path, 0o700) }
      for name in (try? FolderTree.names(in: path)) ?? [] {
        let child = "\(path)/\(name)"
        var childStatus = stat()
        if lstat(child, &childStatus) == 0 { remove(child, childStatus, device: device) }
      }
      rmdir(path)
    }
  }

  /// Returns the paths of all mount points of this process (proc_pid_mountinfo(5), field 5).
  private static func mountPoints() -> Set<String> {
    let text = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
    let paths = text.split(separator: "\n").compactMap { line -> String? in
      let fields = line.split(separator: " ", maxSplits: 5)
      guard fields.count > 4 else { return nil }
      return String(fields[4]).replacing("\\040", with: " ").replacing("\\011", with: "\t").replacing(
        "\\012", with: "\n"
      )
      .replacing("\\134", with: "\\")
    }
    return Set(paths)
  }
}
