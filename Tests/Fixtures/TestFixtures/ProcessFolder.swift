import Foundation
import HostSystem

/// The folder for what the tests of this process make, gone when the process ends.
///
/// Images and disks of machines take gigabytes, and a test that is killed removes nothing: what processes that have ended left
/// behind is removed by the next one.
public enum ProcessFolder {
  /// Where it is; the path is short enough for a socket in a folder below it.
  public static let url: URL = {
    let place = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
    for name in (try? FolderTree.names(in: place.path)) ?? [] where name.hasPrefix(prefix) {
      guard let process = pid_t(name.dropFirst(prefix.count)) else { continue }
      if kill(process, 0) != 0 && errno == ESRCH { FolderTree.remove(place.appending(path: name).path) }
    }
    let folder = place.appending(path: name(of: getpid()))
    FolderTree.remove(folder.path)
    // Where it cannot be made, what is to be made below it says so.
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    // A child that was forked and ends is not the one whose folder this is.
    atexit { if url.lastPathComponent == name(of: getpid()) { FolderTree.remove(url.path) } }
    return folder
  }()

  private static let prefix = "cultivar-tests-"

  private static func name(of process: pid_t) -> String { "\(prefix)\(process)" }

  /// The path of a folder, or a file, that is not there yet.
  public static func newPlace(_ kind: String) -> URL {
    url.appending(path: "\(kind)-\(UUID().uuidString)")
  }
}
