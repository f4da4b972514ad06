import FoundationEssentials
import Glibc

/// The folder where results are kept between builds, each under the key of all that it depends on.
///
/// A result is a folder that appears complete, by a rename, or not at all. Builds that run at the same time may make
/// the same result twice; the first rename wins, and the other copy is dropped.
public struct Cache: Sendable {
  /// The folder.
  public let folder: URL
  /// Removes a folder of the cache, by its path.
  let remover: @Sendable (String) -> Void
  let session: CacheSession
  /// The start of the machine in which results are stored.
  let start: String

  /// Opens the cache at a folder, and makes the folder if need be.
  ///
  /// Scratch folders of builds that were killed are removed.
  ///
  /// - Parameters:
  ///   - start: The start of the machine; results of another one count if they were synced.
  ///   - remover: Removes a folder with all that is in it: what a user's sandboxes have written belongs to ids that only they have.
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

  /// Where the cache is, by the environment: `CULTIVAR_CACHE`, else `XDG_CACHE_HOME/cultivar`, else `~/.cache/cultivar`.
  public static func defaultFolder(environment: [String: String]) -> URL {
    if let named = environment["CULTIVAR_CACHE"], !named.isEmpty { return URL(fileURLWithPath: named) }
    if let base = environment["XDG_CACHE_HOME"], base.hasPrefix("/") {
      return URL(fileURLWithPath: base).appending(path: "cultivar")
    }
    return FileManager.default.homeDirectoryForCurrentUser.appending(path: ".cache/cultivar")
  }

  /// The hash of a secret, for keys: with a random part that only this cache has, so that nobody can try out what the secret may
  /// have been.
  ///
  /// - Throws: ``FileFailure``.
  public func secretHash(of secret: String) throws -> ContentHash {
    let file = folder.appending(path: "salt").path
    if access(file, F_OK) != 0 {
      var generator = SystemRandomNumberGenerator()
      let salt = (0..<4).map { _ in ContentHash(of: "\(generator.next())").text }.joined()
      let temporary = "\(file).\(getpid())"
      let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
      guard descriptor >= 0, write(descriptor, salt, salt.utf8.count) == salt.utf8.count else {
        throw FileFailure.last("write", temporary)
      }
      close(descriptor)
      // The first of several builds has made it.
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

  /// The folder of a result, whether it exists or not.
  public func location(_ kind: String, _ key: ContentHash) -> URL {
    folder.appending(path: "store/\(kind)/\(key.text)")
  }

  /// Gives the folder of a result; makes the result first if it is not there.
  ///
  /// - Parameters:
  ///   - kind: Kind of the result, a folder name: `package`, `root-image`.
  ///   - key: Hash of all that it depends on.
  ///   - make: Fills an empty scratch folder; whatever it throws, nothing is stored.
  public func result(
    _ kind: String, _ key: ContentHash, make: (URL) async throws -> Void
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
    // The rename is atomic: a build that is cut before it leaves only scratch, which the next one sweeps.
    // What another build has stored in the meantime must still be there when it is marked as used.
    try noteStart(of: place)
    while true {
      utimensat(AT_FDCWD, content.path, nil, 0)
      if rename(content.path, place.path) == 0 { return place }
      guard errno == EEXIST || errno == ENOTEMPTY else { throw FileFailure.last("store", place.path) }
      if take(place) { return place }
    }
  }

  /// Runs work whose programs write to the cache's disk, and says so where they found it full: they name a place as they see it, which
  /// may be in a sandbox.
  ///
  /// - Throws: ``FileFailure`` for a full disk; what `work` throws.
  public func tellingOfFullDisk(_ work: () async throws -> Void) async throws {
    do {
      try await work()
    } catch let failure as CommandFailure where failure.isFullDisk || hasNoRoom {
      throw FileFailure.fullDisk("write to the cache", folder.path)
    }
  }

  /// Whether its disk is full but for a rest: not every program that could write a part only says why.
  private var hasNoRoom: Bool { free < 1 << 20 }

  /// Bytes that are free on its disk; the largest number where the disk does not say.
  var free: Int64 {
    var status = statvfs()
    guard statvfs(folder.path, &status) == 0 else { return .max }
    return Int64(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
  }

  /// Runs work whose programs may pass over a full disk, as scripts of packages do, and fails where there was no room in the meantime:
  /// its result is not what it should be, and must not be kept.
  ///
  /// - Throws: ``FileFailure`` for a full disk; what `work` throws.
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

  /// Marks something in the cache as used, so that it stays as long as this build runs. A result that a power cut may have damaged is
  /// removed instead.
  ///
  /// - Returns: Whether it is there.
  public func take(_ place: URL) -> Bool {
    dropDamaged(place)
    return withTakingLock(LOCK_SH) {
      // Its own time of change is the mark. In a cache that others own there is none, and nothing to be collected by us.
      utimensat(AT_FDCWD, place.path, nil, 0) == 0 || errno != ENOENT && access(place.path, F_OK) == 0
    }
  }

  /// Holds the lock that keeps apart the taking of results and their removal.
  func withTakingLock<Value>(_ kind: Int32, _ body: () -> Value) -> Value {
    let descriptor = open(folder.appending(path: "taking").path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { return body() }
    defer { close(descriptor) }
    while flock(descriptor, kind) != 0, errno == EINTR {}
    return body()
  }

  /// Gives an empty scratch folder to a function and removes it afterwards, whatever happens.
  public func withScratch<Value>(_ body: (URL) async throws -> Value) async throws -> Value {
    let scratch = try scratchSpace()
    defer { scratch.drop() }
    return try await body(scratch.folder)
  }

  /// A scratch folder, with the lock that says that somebody is at work in it.
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
        // Another build swept the folder before it was locked.
        if errno == ENOENT { continue }
        throw FileFailure.last("open the folder", place.path)
      }
      // A file system without locks has no sweeping either: there, nobody gets the lock.
      let isLocked = flock(descriptor, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK
      if isLocked, access(place.path, F_OK) == 0 {
        return Scratch(folder: place, descriptor: descriptor, remover: remover)
      }
      close(descriptor)
    }
  }

  /// A scratch folder that nobody has locked is left over: its process has ended, wherever it ran.
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
