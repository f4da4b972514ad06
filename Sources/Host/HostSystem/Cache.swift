import FoundationEssentials
import Glibc
import Hashing

/// A folder that keeps results between builds. The key of a result is a hash of everything that the result depends on.
///
/// A result is a folder that appears complete, by a rename, or not at all. Builds that run at the same time may make
/// the same result twice. The first rename wins, and the other copy is removed.
public struct Cache: Sendable {
  public let folder: URL
  /// Removes a folder of the cache with its content.
  let remover: @Sendable (String) -> Void
  let session: CacheSession
  /// Boot ID of the running machine, stored with each new result.
  let start: String

  /// Opens the cache in a folder, and creates the folder if necessary.
  ///
  /// Scratch folders of killed builds are removed.
  ///
  /// - Parameters:
  ///   - start: Boot ID of the running machine. Results of another boot count only if they were synced.
  ///   - remover: Closure that removes a folder with its content. Files that a user's sandbox has written belong to
  ///     subordinate IDs, so the user alone cannot remove them.
  /// - Throws: ``FileFailure``.
  public init(
    at folder: URL, start: String = runningStart(), remover: @escaping @Sendable (String) -> Void = FolderTree.remove
  ) throws {
    self.folder = folder
    self.start = start
    self.remover = remover
    try FolderTree.create(folder.appending(path: "scratch").path)
    session = try CacheSession(in: folder.appending(path: "running"))
    sweepScratch()
  }

  /// Returns the cache's folder: `CULTIVAR_CACHE`, else `XDG_CACHE_HOME/cultivar`, else `~/.cache/cultivar`.
  public static func defaultFolder(environment: [String: String]) -> URL {
    if let named = environment["CULTIVAR_CACHE"], !named.isEmpty { return URL(fileURLWithPath: named) }
    if let base = environment["XDG_CACHE_HOME"], base.hasPrefix("/") {
      return URL(fileURLWithPath: base).appending(path: "cultivar")
    }
    return FileManager.default.homeDirectoryForCurrentUser.appending(path: ".cache/cultivar")
  }

  /// Returns the hash of a secret, for keys. It includes a random salt of this cache, so that the secret cannot be
  /// found by trying candidates.
  ///
  /// - Throws: ``FileFailure``.
  public func secretHash(of secret: String) throws -> Digest {
    let file = folder.appending(path: "salt").path
    if access(file, F_OK) != 0 {
      var generator = SystemRandomNumberGenerator()
      let salt = (0..<4).map { _ in Digest(of: "\(generator.next())").text }.joined()
      let temporary = "\(file).\(getpid())"
      let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
      guard descriptor >= 0, write(descriptor, salt, salt.utf8.count) == salt.utf8.count else {
        throw FileFailure.last("write", temporary)
      }
      close(descriptor)
      // `link` keeps the salt of the build that was first.
      if link(temporary, file) != 0, errno != EEXIST { throw FileFailure.last("write", file) }
      unlink(temporary)
    }
    var key = CacheKey("secret")
    key.add(String(decoding: try FolderTree.readFile(file), as: UTF8.self))
    key.add(secret)
    return key.hash
  }

  var scratchFolder: URL { folder.appending(path: "scratch") }
  var runningFolder: URL { folder.appending(path: "running") }

  /// Returns the folder of a result, which may not exist.
  public func location(_ kind: String, _ key: Digest) -> URL {
    folder.appending(path: "store/\(kind)/\(key.text)")
  }

  /// Returns the folder of a result, and makes the result first if it is missing.
  ///
  /// - Parameters:
  ///   - kind: Kind of the result, a folder name: `package`, `root-image`.
  ///   - key: Hash of everything that the result depends on.
  ///   - make: Closure that fills an empty scratch folder. If it throws, nothing is stored.
  public func result(
    _ kind: String, _ key: Digest, make: (URL) async throws -> Void
  ) async throws -> URL {
    let place = location(kind, key)
    if take(place) { return place }
    let scratch = try scratchSpace()
    defer { scratch.drop() }
    let content = scratch.folder.appending(path: "content")
    try FolderTree.create(content.path)
    try await tellingOfFullDisk { try await make(content) }
    try Task.checkCancellation()
    try FolderTree.create(place.deletingLastPathComponent().path)
    // The rename is atomic. A build that is killed before it leaves only a scratch folder, which the next build
    // removes. If another build stored the same result first, that result must still exist when it is marked as used.
    try noteStart(of: place)
    while true {
      utimensat(AT_FDCWD, content.path, nil, 0)
      if rename(content.path, place.path) == 0 { return place }
      guard errno == EEXIST || errno == ENOTEMPTY else { throw FileFailure.last("store", place.path) }
      if take(place) { return place }
    }
  }

  /// Runs work whose programs write to the cache, and reports a full disk as an error of the cache's folder.
  ///
  /// The programs' own messages may name paths that exist only in a sandbox.
  ///
  /// - Throws: ``FileFailure`` for a full disk, or the error of `work`.
  public func tellingOfFullDisk(_ work: () async throws -> Void) async throws {
    do {
      try await work()
    } catch let failure as CommandFailure where failure.isFullDisk || hasNoRoom {
      throw FileFailure.fullDisk("write to the cache", folder.path)
    }
  }

  /// True if less than 1 MiB is free on the cache's disk. Not every program names a full disk as the reason for its
  /// error.
  private var hasNoRoom: Bool { free < 1 << 20 }

  /// Free bytes on the cache's disk; `Int64.max` if the file system does not report them.
  var free: Int64 {
    var status = statvfs()
    guard statvfs(folder.path, &status) == 0 else { return .max }
    return Int64(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
  }

  /// Runs work whose programs may ignore a full disk, as package scripts do, and throws if the disk was full meanwhile.
  ///
  /// The result of such work may be incomplete and must not be kept.
  ///
  /// - Throws: ``FileFailure`` for a full disk, or the error of `work`.
  public func withRoom(_ work: () async throws -> Void) async throws {
    let watch = Task.detached {
      while !Task.isCancelled {
        if hasNoRoom { return true }
        try? await Task.sleep(for: .milliseconds(10))
      }
      return hasNoRoom
    }
    defer { watch.cancel() }
    try await work()
    watch.cancel()
    if await watch.value { throw FileFailure.fullDisk("write to the cache", folder.path) }
  }

  /// Marks a file or folder in the cache as used, so that it stays while this build runs. Removes a result instead if a
  /// power cut may have damaged it.
  ///
  /// - Returns: True if the file or folder exists.
  public func take(_ place: URL) -> Bool {
    dropDamaged(place)
    return withTakingLock(LOCK_SH) {
      // The mark is the modification time. In a cache of another user it cannot be set, but neither can this build
      // remove results there.
      utimensat(AT_FDCWD, place.path, nil, 0) == 0 || errno != ENOENT && access(place.path, F_OK) == 0
    }
  }

  /// Runs a function with the lock that prevents a result from being removed while it is marked as used.
  func withTakingLock<Value>(_ kind: Int32, _ body: () -> Value) -> Value {
    let descriptor = open(folder.appending(path: "taking").path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { return body() }
    defer { close(descriptor) }
    while flock(descriptor, kind) != 0, errno == EINTR {}
    return body()
  }

  /// Runs a function with an empty scratch folder, and removes the folder afterwards, also after an error.
  public func withScratch<Value>(_ body: (URL) async throws -> Value) async throws -> Value {
    let scratch = try scratchSpace()
    defer { scratch.drop() }
    return try await body(scratch.folder)
  }

  /// A scratch folder with the lock that marks it as used.
  private struct Scratch {
    var folder: URL
    var descriptor: Int32
    var remover: @Sendable (String) -> Void

    func drop() {
      remover(folder.path)
      close(descriptor)
    }
  }

  private func scratchSpace() throws -> Scratch {
    while true {
      let place = scratchFolder.appending(path: UUID().uuidString)
      try FolderTree.create(place.path)
      try FolderTree.dropInheritedRights(of: place.path)
      let descriptor = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard descriptor >= 0 else {
        // Another build removed the folder before it was locked.
        if errno == ENOENT { continue }
        throw FileFailure.last("open the folder", place.path)
      }
      // On a file system without locks, no build can get the exclusive lock to remove the folder.
      let isLocked = flock(descriptor, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK
      if isLocked, access(place.path, F_OK) == 0 {
        return Scratch(folder: place, descriptor: descriptor, remover: remover)
      }
      close(descriptor)
    }
  }

  /// Removes scratch folders without a lock. Their processes have ended, on this machine or another.
  private func sweepScratch() {
    for name in (try? FolderTree.names(in: scratchFolder.path)) ?? [] {
      let place = scratchFolder.appending(path: name).path
      let descriptor = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { remover(place) }
      close(descriptor)
    }
  }
}
