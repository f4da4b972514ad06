import FoundationEssentials
import HostSystem
import Lock
import Project

/// Fetches the layers of a project that are in git repositories, at the commits that the lock file keeps.
public struct LayerCheckouts: Sendable {
  private let cache: Cache
  private let lock: ProjectLock

  /// Makes a fetcher.
  public init(cache: Cache, lock: ProjectLock) {
    self.cache = cache
    self.lock = lock
  }

  /// The layers of git repositories, fetched; references that are not locked yet are looked up and locked.
  ///
  /// - Returns: The checkouts by the layers' names.
  /// - Throws: ``ProgramFailure/noReference(url:reference:)``, `CommandFailure`, `FileFailure`.
  public func fetch(_ sources: [LayerSource]) async throws -> [String: LayerLibrary.Checkout] {
    var checkouts: [String: LayerLibrary.Checkout] = [:]
    for source in sources {
      guard case .git(let url, let reference, _) = source.location else { continue }
      let git = GitCheckout(cache: cache, lock: lock)
      let commit = try await git.commit(url: url, reference: reference)
      let folder = try await git.folder(url: url, reference: .revision(commit))
      checkouts[source.name] = LayerLibrary.Checkout(folder: folder, commit: commit)
    }
    return checkouts
  }

  /// The layers of git repositories that are in the cache already; nothing is looked up or fetched.
  public func existing(_ sources: [LayerSource]) async -> [String: LayerLibrary.Checkout] {
    var checkouts: [String: LayerLibrary.Checkout] = [:]
    for source in sources {
      guard case .git(let url, let reference, _) = source.location,
        let found = await GitCheckout(cache: cache, lock: lock).existing(url: url, reference: reference)
      else { continue }
      checkouts[source.name] = LayerLibrary.Checkout(folder: found.folder, commit: found.commit)
    }
    return checkouts
  }
}
