import FoundationEssentials
import Glibc
import Synchronization

/// The mark of a build that has the cache open: what it uses is not collected.
///
/// It is a locked file. A build that ends in whatever way loses the lock with its last descriptor, so no mark has to be taken away
/// for the cache to know.
final class CacheSession: Sendable {
  private let file: String
  private let descriptor: Int32
  private let stored = Mutex(false)

  /// True if the build has stored a result.
  var hasStored: Bool {
    get { stored.withLock { $0 } }
    set { stored.withLock { $0 = newValue } }
  }

  /// Marks a build as running.
  ///
  /// - Throws: ``FileFailure``.
  init(in folder: URL) throws(FileFailure) {
    try FolderTree.create(folder.path)
    while true {
      let file = folder.appending(path: UUID().uuidString).path
      let descriptor = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else { throw .last("write", file) }
      _ = flock(descriptor, LOCK_SH | LOCK_NB)
      // Another build may have taken it for a mark that was left over, before it was locked.
      if access(file, F_OK) == 0 {
        self.file = file
        self.descriptor = descriptor
        return
      }
      close(descriptor)
    }
  }

  deinit {
    unlink(file)
    close(descriptor)
  }

  /// When the oldest of the running builds began; marks of builds that were killed are removed.
  static func oldest(in folder: URL) -> CacheTime? {
    var oldest: CacheTime?
    for name in (try? FolderTree.names(in: folder.path)) ?? [] {
      let file = folder.appending(path: name).path
      let descriptor = open(file, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      defer { close(descriptor) }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
        unlink(file)
      } else if let time = CacheTime(of: file) {
        oldest = min(oldest ?? time, time)
      }
    }
    return oldest
  }
}

/// A time as the file system of the cache keeps it: nothing else is compared, so that the clock of another machine plays no part.
public struct CacheTime: Sendable, Comparable {
  /// Nanoseconds since 1970.
  public var nanoseconds: Int64

  /// Takes a number of seconds since 1970.
  public init(seconds: Int64) { nanoseconds = seconds * 1_000_000_000 }

  /// Time of the last change of a file or folder; `nil` where there is none.
  init?(of path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    nanoseconds = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
  }

  /// Seconds since 1970.
  public var seconds: Int64 { nanoseconds / 1_000_000_000 }

  /// The order of time.
  public static func < (left: CacheTime, right: CacheTime) -> Bool { left.nanoseconds < right.nanoseconds }
}
