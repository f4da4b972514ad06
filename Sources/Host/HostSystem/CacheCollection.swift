import FoundationEssentials
import Glibc
import Hashing

/// One result in the cache.
public struct CacheEntry: Sendable {
  public var kind: String
  /// Name of the result within its kind.
  public var name: String
  /// Path of the result.
  public var place: URL
  /// Size on the disk in bytes.
  public var size: Int64
  /// Time at which a build last used the result.
  public var lastUse: CacheTime
}

extension Cache {
  /// Folders with results outside the store: fetched archives, package lists, and files that build tools of languages
  /// keep between builds.
  private static let otherKinds = ["archives", "build", "indexes", "programs"]

  /// Returns all results, the longest unused first.
  ///
  /// - Throws: ``FileFailure``.
  public func entries() throws(FileFailure) -> [CacheEntry] {
    var places: [(kind: String, folder: URL)] = Self.otherKinds.map { ($0, folder.appending(path: $0)) }
    let store = folder.appending(path: "store")
    if access(store.path, F_OK) == 0 {
      for kind in try FolderTree.names(in: store.path) { places.append((kind, store.appending(path: kind))) }
    }
    var entries: [CacheEntry] = []
    for (kind, folder) in places where access(folder.path, F_OK) == 0 {
      for name in try FolderTree.names(in: folder.path) {
        let place = folder.appending(path: name)
        // Another process may remove results at the same time.
        guard let lastUse = CacheTime(of: place.path) else { continue }
        entries.append(
          CacheEntry(kind: kind, name: name, place: place, size: size(of: place, kind: kind), lastUse: lastUse))
      }
    }
    return entries.sorted { ($0.lastUse, $0.kind, $0.name) < ($1.lastUse, $1.kind, $1.name) }
  }

  /// Removes results, the longest unused first, except those that a running build has used.
  ///
  /// - Parameters:
  ///   - limit: Maximum size of the remaining results in bytes; `nil` for no limit.
  ///   - isShared: True to also limit the results to half of the sum of their size and the free space, so that a small
  ///     disk has room for others.
  ///   - oldest: Results not used since this time are removed, whatever the size; `nil` for none.
  /// - Returns: The removed results.
  /// - Throws: ``FileFailure``, `CancellationError`.
  public func collect(
    limit: Int64?, ofSharedDisk isShared: Bool = false, unusedSince oldest: CacheTime? = nil
  ) throws -> [CacheEntry] {
    let entries = try entries()
    let inUse = CacheSession.oldest(in: runningFolder)
    var total = entries.reduce(0) { $0 + $1.size }
    let limit = isShared ? limit.map { min($0, total / 2 + free / 2) } : limit
    var removed: [CacheEntry] = []
    for entry in entries {
      try Task.checkCancellation()
      if let inUse, entry.lastUse >= inUse { break }
      let isOld = oldest.map { entry.lastUse < $0 } ?? false
      guard isOld || limit.map({ total > $0 }) ?? false else { break }
      guard try remove(entry) else { continue }
      removed.append(entry)
      total -= entry.size
    }
    return removed
  }

  /// Removes one result, whatever its age.
  ///
  /// - Returns: True if the result no longer exists; false if a running build has used it.
  /// - Throws: ``FileFailure``.
  public func remove(_ kind: String, _ key: Digest) throws(FileFailure) -> Bool {
    let place = location(kind, key)
    guard let lastUse = CacheTime(of: place.path) else { return true }
    if let inUse = CacheSession.oldest(in: runningFolder), lastUse >= inUse { return false }
    return try remove(CacheEntry(kind: kind, name: key.text, place: place, size: 0, lastUse: lastUse))
  }

  /// Removes a result unless it was used after `entry` was made.
  private func remove(_ entry: CacheEntry) throws(FileFailure) -> Bool {
    let trash = folder.appending(path: "scratch/\(UUID().uuidString)")
    try FolderTree.create(trash.path)
    // A build that takes a result holds the shared lock, so it finds the result and marks it as used, or finds none.
    let isGone = withTakingLock(LOCK_EX) {
      CacheTime(of: entry.place.path) == entry.lastUse
        && rename(entry.place.path, trash.appending(path: "result").path) == 0
    }
    unlink(sizeFile(kind: entry.kind, name: entry.name).path)
    if isGone { unlink(note(of: entry.place).path) }
    remover(trash.path)
    return isGone
  }

  /// Returns the size of a result on the disk in bytes. The size is stored, as a result does not change.
  private func size(of place: URL, kind: String) -> Int64 {
    guard !["build", "indexes"].contains(kind) else { return FolderTree.size(of: place.path) }
    let file = sizeFile(kind: kind, name: place.lastPathComponent)
    if let text = try? FolderTree.readFile(file.path), let size = Int64(String(decoding: text, as: UTF8.self)) {
      return size
    }
    let size = FolderTree.size(of: place.path)
    if Self.otherKinds.contains(kind) { return size }
    // The size is counted again in a cache without write access, and after a power cut that left the file empty, as the
    // file is not synced.
    try? FolderTree.create(file.deletingLastPathComponent().path)
    let temporary = "\(file.path).\(getpid()).new"
    let isWritten = (try? FolderTree.writeFile(temporary, with: "\(size)".utf8)) != nil
    if !isWritten || rename(temporary, file.path) != 0 { unlink(temporary) }
    return size
  }

  private func sizeFile(kind: String, name: String) -> URL { folder.appending(path: "sizes/\(kind)/\(name)") }
}

extension FolderTree {
  /// Returns the size on the disk of a file, or of a folder with its content, in bytes. Unreadable parts count as 0.
  public static func size(of path: String) -> Int64 {
    var seen: Set<UInt64> = []
    func add(_ path: String) -> Int64 {
      var status = stat()
      guard lstat(path, &status) == 0 else { return 0 }
      let isFolder = status.st_mode & S_IFMT == S_IFDIR
      // A file with several hard links counts once.
      if !isFolder, status.st_nlink > 1, !seen.insert(UInt64(status.st_ino)).inserted { return 0 }
      var size = Int64(status.st_blocks) * 512
      if isFolder { for name in (try? names(in: path)) ?? [] { size += add("\(path)/\(name)") } }
      return size
    }
    return add(path)
  }
}
