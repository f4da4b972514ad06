import Foundation
import HostSystem

/// The folder for files of this test process. It is removed when the process ends.
///
/// Disk images take gigabytes, and a test that is killed removes nothing. So each process also removes the folders of
/// processes that have ended.
public enum ProcessFolder {
  /// The folder. Its path is short enough for a socket in a subfolder.
  public static let url: URL = {
    let place = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
    for name in (try? FolderTree.names(in: place.path)) ?? [] where name.hasPrefix(prefix) {
      guard let process = pid_t(name.dropFirst(prefix.count)) else { continue }
      if kill(process, 0) != 0 && errno == ESRCH { FolderTree.remove(place.appending(path: name).path) }
    }
    let folder = place.appending(path: name(of: getpid()))
    FolderTree.remove(folder.path)
    // If it cannot be made, later operations below it report an error.
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    // A forked child that exits must not remove the folder.
    atexit { if url.lastPathComponent == name(of: getpid()) { FolderTree.remove(url.path) } }
    return folder
  }()

  private static let prefix = "cultivar-tests-"

  private static func name(of process: pid_t) -> String { "\(prefix)\(process)" }

  /// Returns the path of a file or folder that does not exist yet.
  public static func newPlace(_ kind: String) -> URL {
    url.appending(path: "\(kind)-\(UUID().uuidString)")
  }
}
