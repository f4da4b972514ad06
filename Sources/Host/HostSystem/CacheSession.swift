import FoundationEssentials
import Glibc
import Synchronization

/// The mark of a build that uses the cache. Results that it has used are not removed.
///
/// It is a locked file. When a build ends, in any way, its last descriptor is closed and the lock is released. So a
/// mark that a killed build left behind does not count.
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
      // Another build may have removed the file as a leftover before it was locked.
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

  /// Returns the start time of the oldest running build, and removes the marks of killed builds.
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

/// A time as the cache's file system stores it. Only such times are compared, so the clocks of machines do not matter.
public struct CacheTime: Sendable, Comparable {
  /// Nanoseconds since 1970.
  public var nanoseconds: Int64

  public init(seconds: Int64) { nanoseconds = seconds * 1_000_000_000 }

  /// Reads the modification time of a file or folder; `nil` if it does not exist.
  init?(of path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    nanoseconds = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
  }

  /// Seconds since 1970.
  public var seconds: Int64 { nanoseconds / 1_000_000_000 }

  public static func < (left: CacheTime, right: CacheTime) -> Bool { left.nanoseconds < right.nanoseconds }
}
