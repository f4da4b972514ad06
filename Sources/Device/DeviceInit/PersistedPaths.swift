import DeviceModel
import Glibc
import LinuxSystem

/// The paths of a system's root that outlive restarts: they lie on the data partition and are bound into the root.
struct PersistedPaths {
  /// The root that is being put together.
  let root: String
  let note: (String) -> Void

  /// Binds paths; one that was never bound before gets what the image has there.
  ///
  /// A path that cannot be bound is noted and left out: a device that comes up without it can still be reached and updated.
  ///
  /// - Parameter paths: absolute paths.
  func bind(_ paths: [String]) {
    // A folder before what is in it.
    for path in paths.sorted(by: { $0.utf8.count < $1.utf8.count }) {
      do {
        try bind(path)
      } catch {
        note("\(path) does not outlive a restart: \(error)")
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

  /// Copies what the image has, under a name of its own first: after a power cut it is there as a whole, or is copied anew.
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
