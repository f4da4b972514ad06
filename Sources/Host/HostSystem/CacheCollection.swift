import FoundationEssentials
import Glibc

/// One result in the cache.
public struct CacheEntry: Sendable {
  /// Kind of the result.
  public var kind: String
  /// Its name among its kind.
  public var name: String
  /// Where it is.
  public var place: URL
  /// Bytes on the disk.
  public var size: Int64
  /// When a build took it last.
  public var lastUse: CacheTime
}

extension Cache {
  /// Folders with results that are not in the store: fetched archives, package lists, and what the tools of languages keep from build to
  /// build.
  private static let otherKinds = ["archives", "build", "indexes", "programs"]

  /// All results, the longest unused first.
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
        // Another process may collect at the same time.
        guard let lastUse = CacheTime(of: place.path) else { continue }
        entries.append(
          CacheEntry(kind: kind, name: name, place: place, size: size(of: place, kind: kind), lastUse: lastUse))
      }
    }
    return entries.sorted { ($0.lastUse, $0.kind, $0.name) < ($1.lastUse, $1.kind, $1.name) }
  }

  /// Removes results, the longest unused first, but none that a running build has taken since it began.
  ///
  /// - Parameters:
  ///   - limit: Bytes that may stay; `nil` for any number.
  ///   - isShared: Whether the cache leaves half of a small disk to others: no more than half of what it has and what is free may stay.
  ///   - oldest: What was not taken since then goes, whatever the size; `nil` for none.
  /// - Returns: What was removed.
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
  /// - Returns: Whether it is gone; it stays where a running build has taken it since it began.
  /// - Throws: ``FileFailure``.
  public func remove(_ kind: String, _ key: ContentHash) throws(FileFailure) -> Bool {
    let place = location(kind, key)
    guard let lastUse = CacheTime(of: place.path) else { return true }
    if let inUse = CacheSession.oldest(in: runningFolder), lastUse >= inUse { return false }
    return try remove(CacheEntry(kind: kind, name: key.text, place: place, size: 0, lastUse: lastUse))
  }

  /// Removes a result if it was not taken in the meantime.
  private func remove(_ entry: CacheEntry) throws(FileFailure) -> Bool {
    let trash = folder.appending(path: "scratch/\(UUID().uuidString)")
    try FolderTree.create(trash.path)
    // Whoever takes a result holds the lock the other way: it is there and marked as used, or it is not there.
    let isGone = withTakingLock(LOCK_EX) {
      CacheTime(of: entry.place.path) == entry.lastUse
        && rename(entry.place.path, trash.appending(path: "result").path) == 0
    }
    unlink(sizeFile(kind: entry.kind, name: entry.name).path)
    if isGone { unlink(note(of: entry.place).path) }
    remover(trash.path)
    return isGone
  }

  /// Bytes of a result on the disk, counted once: a result does not change.
  private func size(of place: URL, kind: String) -> Int64 {
    guard !["build", "indexes"].contains(kind) else { return FolderTree.size(of: place.path) }
    let file = sizeFile(kind: kind, name: place.lastPathComponent)
    if let text = try? FolderTree.readFile(file.path), let size = Int64(String(decoding: text, as: UTF8.self)) {
      return size
    }
    let size = FolderTree.size(of: place.path)
    if Self.otherKinds.contains(kind) { return size }
    // A cache that cannot be written to is counted each time, and so is what has an empty file after a power cut: nothing is synced.
    try? FolderTree.create(file.deletingLastPathComponent().path)
    let temporary = "\(file.path).\(getpid()).new"
    let isWritten = (try? FolderTree.writeFile(temporary, with: "\(size)".utf8)) != nil
    if !isWritten || rename(temporary, file.path) != 0 { unlink(temporary) }
    return size
  }

  private func sizeFile(kind: String, name: String) -> URL { folder.appending(path: "sizes/\(kind)/\(name)") }
}

extension FolderTree {
  /// Bytes that a file, or a folder with all that is in it, takes on the disk; what cannot be read counts for nothing.
  public static func size(of path: String) -> Int64 {
    var seen: Set<UInt64> = []
    func add(_ path: String) -> Int64 {
      var status = stat()
      guard lstat(path, &status) == 0 else { return 0 }
      let isFolder = status.st_mode & S_IFMT == S_IFDIR
      // A file with many names is there once.
      if !isFolder, status.st_nlink > 1, !seen.insert(UInt64(status.st_ino)).inserted { return 0 }
      var size = Int64(status.st_blocks) * 512
      if isFolder { for name in (try? names(in: path)) ?? [] { size += add("\(path)/\(name)") } }
      return size
    }
    return add(path)
  }
}
