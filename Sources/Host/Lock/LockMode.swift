import HostSystem

/// How a build uses the lock file.
public enum LockMode: Sendable, Equatable {
  /// What is locked stays; what is missing is looked up and locked.
  case kept
  /// Everything is looked up anew.
  case renewed
  /// What has to do with the names is looked up anew: packages, and git repositories by URL or by the last part of it.
  case renewedFor(Set<String>)
  /// Everything is looked up anew, to be compared; the file stays as it is.
  case compared
  /// Nothing is looked up: what is missing is an error. The file stays as it is.
  case required
}

/// Something that a build needs and the lock file does not name, where it must.
public struct NotLocked: ExplainedError {
  /// Names of what is missing, as the lock file would have them.
  public var missing: [String]
  /// The lock file, or `nil` where there is none.
  public var path: String?

  /// What was being done, and what was wrong.
  public var problem: String {
    let list = missing.prefix(20).map { "  | \($0)" }.joined(separator: "\n")
    let more = missing.count > 20 ? "\n  | and \(missing.count - 20) more" : ""
    return
      (path.map { "the lock file \($0) does not name what the build needs" }
      ?? "there is no lock file, and the build may take nothing that is not locked") + "\n\(list)\(more)"
  }
  /// What the user can do now.
  public var remedy: String? { "run `cultivar lock` and commit cultivar.lock, or build without --locked" }
}

/// A published image that is another one than the lock file names.
public struct ChangedBase: ExplainedError {
  /// The image, as the lock file names it.
  public var path: String
  /// SHA-256 that it had.
  public var locked: ContentHash
  /// SHA-256 that it has.
  public var found: ContentHash
  /// The lock file.
  public var lockFile: String

  /// What was being done, and what was wrong.
  public var problem: String {
    "the image \(path) is another one than \(lockFile) names: its SHA-256 is \(found), and was \(locked)"
  }
  /// What the user can do now.
  public var remedy: String? {
    "put the former image back, or take the new one with `cultivar lock --update \(path)`"
  }
}

/// Names that are to be looked up anew and that the lock file does not have.
public struct NoLockedName: ExplainedError {
  /// The names.
  public var names: [String]
  /// The lock file.
  public var path: String

  /// What was being done, and what was wrong.
  public var problem: String {
    "cannot update \(names.map { "'\($0)'" }.joined(separator: ", ")): \(path) has no package, git repository or image of that name"
  }
  /// What the user can do now.
  public var remedy: String? {
    "name packages as `cultivar outdated` does, or update everything: `cultivar lock --update`"
  }
}

/// A difference between what is locked and what there is now.
public struct LockChange: Sendable, Codable, Hashable {
  /// Name of the package, or URL of the git repository.
  public var name: String
  /// Architecture of a package.
  public var architecture: String?
  /// Locked version or commit; `nil` for what is new.
  public var locked: String?
  /// Version or commit that there is now; `nil` for what is no longer needed.
  public var available: String?
  /// Where it comes from: the archive, or the git reference.
  public var from: String
}

extension LockChange {
  /// Differences between two lock files, in the order of names.
  static func between(_ old: LockFile, _ new: LockFile) -> [LockChange] {
    var changes: Set<LockChange> = []
    for (label, labels) in new.requests {
      let before = byName(old.requests[label] ?? [], in: old)
      let after = byName(labels, in: new)
      for key in Set(before.keys).union(after.keys) where before[key]?.version != after[key]?.version {
        guard let either = after[key] ?? before[key] else { continue }
        changes.insert(
          LockChange(
            name: either.name, architecture: either.architecture, locked: before[key]?.version,
            available: after[key]?.version, from: either.archive.rawValue))
      }
    }
    for (key, commit) in new.revisions where old.revisions[key] != commit {
      let parts = key.split(separator: " ", maxSplits: 1).map(String.init)
      changes.insert(
        LockChange(name: parts[0], locked: old.revisions[key], available: commit, from: parts.last ?? ""))
    }
    for (path, hash) in new.bases ?? [:] where old.bases?[path] != hash {
      changes.insert(
        LockChange(name: path, locked: old.bases?[path]?.text, available: hash.text, from: "image"))
    }
    return changes.sorted {
      ($0.name, $0.architecture ?? "", $0.from, $0.locked ?? "") < (
        $1.name, $1.architecture ?? "", $1.from, $1.locked ?? ""
      )
    }
  }

  private static func byName(_ labels: [String], in lock: LockFile) -> [String: DebianPackage] {
    Dictionary(labels.compactMap { lock.packages[$0] }.map { ("\($0.name):\($0.architecture)", $0) }) { $1 }
  }
}
