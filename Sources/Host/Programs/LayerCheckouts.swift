import FoundationEssentials
import HostSystem
import Lock
import Project

/// Fetches the layers of a project from git repositories, at the locked commits.
public struct LayerCheckouts: Sendable {
  private let cache: Cache
  private let lock: ProjectLock

  public init(cache: Cache, lock: ProjectLock) {
    self.cache = cache
    self.lock = lock
  }

  /// Fetches the layers from git repositories. References that are not locked are resolved and locked.
  ///
  /// - Returns: The checkouts by layer name.
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

  /// Returns the checkouts that are already in the cache, by layer name. Does not use the network.
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
