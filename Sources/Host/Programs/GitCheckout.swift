import FoundationEssentials
import Hashing
import HostSystem
import Lock
import Project

/// Checks out a commit of a git repository into a folder in the cache.
struct GitCheckout {
  var cache: Cache
  var lock: ProjectLock

  /// Returns the folder with a reference's commit: the locked one, or the current one if none is locked.
  ///
  /// - Throws: ``ProgramFailure/noReference(url:reference:)``, `CommandFailure`.
  func folder(url: String, reference: GitReference) async throws -> URL {
    let commit = try await commit(url: url, reference: reference)
    return try await cache.result("git", key(url: url, commit: commit)) { folder in
      func git(_ arguments: [String]) async throws {
        try await command(["-C", folder.path] + arguments, to: "fetch \(url)").run()
      }
      try await git(["init", "-q"])
      do {
        try await git(["fetch", "-q", "--depth", "1", "--", url, commit])
      } catch is CommandFailure {
        // Some servers give out only the commits of references. Then the whole history is fetched to find the commit.
        try await git(["fetch", "-q", "--", url, "+refs/*:refs/remotes/origin/*"])
        do {
          try await git(["cat-file", "-e", "\(commit)^{commit}"])
        } catch is CommandFailure {
          throw ProgramFailure.noReference(url: url, reference: "commit \(commit)")
        }
      }
      try await git(["-c", "advice.detachedHead=false", "checkout", "-q", "--detach", commit])
      try await git(["submodule", "-q", "update", "--init", "--recursive", "--depth", "1"])
    }
  }

  /// Returns the folder of a reference's commit if the commit is known and in the cache. Does not use the network.
  func existing(url: String, reference: GitReference) async -> (folder: URL, commit: String)? {
    let commit: String? =
      switch reference {
      case .revision(let revision): revision
      case .tag(let tag): await lock.revision(of: url, "tag \(tag)")
      case .branch(let branch): await lock.revision(of: url, "branch \(branch)")
      }
    guard let commit else { return nil }
    let folder = cache.location("git", key(url: url, commit: commit))
    return FileManager.default.fileExists(atPath: folder.path) ? (folder, commit) : nil
  }

  private func key(url: String, commit: String) -> Digest {
    var key = CacheKey("git-checkout 1")
    key.add(url)
    key.add(commit)
    return key.hash
  }

  /// Returns the commit of a reference: the locked one, or the current one, which is then locked.
  func commit(url: String, reference: GitReference) async throws -> String {
    let name: String
    let patterns: [String]
    switch reference {
    case .revision(let revision): return revision
    case .tag(let tag):
      name = "tag \(tag)"
      // The peeled name (`^{}`) of an annotated tag is its commit.
      patterns = ["refs/tags/\(tag)^{}", "refs/tags/\(tag)"]
    case .branch(let branch):
      name = "branch \(branch)"
      patterns = ["refs/heads/\(branch)"]
    }
    if let locked = await lock.revision(of: url, name) { return locked }
    try await lock.allowLookup(of: ["\(url) \(name)"])
    let listing = try await command(["ls-remote", "--", url] + patterns, to: "look up \(name) of \(url)").run()
    let rows = listing.split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
    let commit = patterns.lazy.compactMap { pattern in
      rows.first { $0.count == 2 && $0[1] == pattern }?[0]
    }.first
    guard let commit else { throw ProgramFailure.noReference(url: url, reference: name) }
    try await lock.record(commit, of: url, name)
    return commit
  }

  private func command(_ arguments: [String], to purpose: String) -> HostCommand {
    // No prompts on the terminal: a build must not wait for a password.
    HostCommand(.git, arguments, to: purpose, environment: ["GIT_TERMINAL_PROMPT": "0"])
  }
}
