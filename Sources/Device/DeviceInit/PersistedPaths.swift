import DeviceModel
import Glibc
import LinuxSystem

/// The paths of a system's root that persist across restarts: they are on the data partition and are bind-mounted into
/// the root.
struct PersistedPaths {
  /// The root that is being prepared.
  let root: String
  let note: (String) -> Void

  /// Bind-mounts paths. A path that is bound for the first time starts with the image's content.
  ///
  /// A path that cannot be bound is noted and left out: a device that starts without it can still be reached and
  /// updated.
  ///
  /// - Parameter paths: Absolute paths.
  func bind(_ paths: [String]) {
    // A folder comes before its content.
    for path in paths.sorted(by: { $0.utf8.count < $1.utf8.count }) {
      do {
        try bind(path)
      } catch {
        note("\(path) is lost at the next restart: \(error)")
      }
    }
  }

  private func bind(_ path: String) throws {
    let kept = root + DevicePaths.state + path
    let target = root + path
    if !FileTree.exists(kept) { try seed(kept, from: target) }
    if !FileTree.exists(target) {
      if FileTree.isFolder(kept) {
        try FileTree.makeFolders(target)
      } else {
        try FileTree.makeFolders(FileTree.parent(of: target))
        _ = try Descriptor(opening: target, O_WRONLY | O_CREAT, mode: 0o600)
      }
    }
    try Mount.bind(kept, at: target)
  }

  /// Copies the image's content to a temporary name, then renames it. After a power cut the copy is complete, or is
  /// made again.
  private func seed(_ kept: String, from source: String) throws {
    try FileTree.makeFolders(FileTree.parent(of: kept))
    let unfinished = root + DevicePaths.state + "/.seed"
    FileTree.removeContents(of: unfinished)
    unlink(unfinished)
    rmdir(unfinished)
    if FileTree.exists(source) {
      try TreeCopy.copy(source, to: unfinished)
    } else {
      try FileTree.makeFolders(unfinished)
    }
    sync()
    guard rename(unfinished, kept) == 0 else { throw SystemError("rename", unfinished) }
    try Descriptor(opening: FileTree.parent(of: kept), O_RDONLY | O_DIRECTORY).synchronise()
  }
}

extension [String] {
  /// The paths, and those of `others` that none of them contains.
  func adding(_ others: [String]) -> [String] {
    self + others.filter { other in !contains { other == $0 || other.hasPrefix($0 + "/") } }
  }
}
