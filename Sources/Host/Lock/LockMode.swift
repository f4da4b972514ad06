import Hashing
import HostSystem

/// The way a build uses the lock file.
public enum LockMode: Sendable, Equatable {
  /// Locked versions are used. Missing ones are resolved and added to the file.
  case kept
  /// Everything is resolved again.
  case renewed
  /// Locked versions that concern these names are resolved again: packages, images, and git repositories by URL or its
  /// last part.
  case renewedFor(Set<String>)
  /// Everything is resolved again for a comparison. The file does not change.
  case compared
  /// Only locked versions are used, and a missing one is an error. The file does not change.
  case required
}

/// An error for requests that must be in the lock file and are not.
public struct NotLocked: ExplainedError {
  /// Labels of the missing requests.
  public var missing: [String]
  /// Path of the lock file; `nil` if there is none.
  public var path: String?

  public var problem: String {
    let list = missing.prefix(20).map { "  | \($0)" }.joined(separator: "\n")
    let more = missing.count > 20 ? "\n  | and \(missing.count - 20) more" : ""
    return
      (path.map { "the lock file \($0) does not have these entries, which the build needs:" }
      ?? "there is no lock file, but --locked needs these entries in it:") + "\n\(list)\(more)"
  }
  public var remedy: String? { "run `cultivar lock` and commit cultivar.lock, or build without --locked" }
}

/// An error for a published image that differs from the locked one.
public struct ChangedBase: ExplainedError {
  /// Path of the image, as in the lock file.
  public var path: String
  /// SHA-256 in the lock file.
  public var locked: Digest
  /// SHA-256 of the present image.
  public var found: Digest
  /// Name of the lock file.
  public var lockFile: String

  public var problem: String {
    "the image \(path) is not the one in \(lockFile): its SHA-256 is \(found), and was \(locked)"
  }
  public var remedy: String? {
    "restore the old image, or accept the new one with `cultivar lock --update \(path)`"
  }
}

/// An error for names to update that are not in the lock file.
public struct NoLockedName: ExplainedError {
  public var names: [String]
  /// Path of the lock file.
  public var path: String

  public var problem: String {
    "cannot update \(names.map { "'\($0)'" }.joined(separator: ", ")): "
      + "\(path) has no package, git repository or image with that name"
  }
  public var remedy: String? {
    "use the names that `cultivar outdated` shows, or update everything: `cultivar lock --update`"
  }
}

/// A difference between a locked version and the available one.
public struct LockChange: Sendable, Codable, Hashable {
  /// Name of the package, URL of the git repository, or path of the image.
  public var name: String
  /// Architecture of a package; `nil` for anything else.
  public var architecture: String?
  /// Locked version, commit or checksum; `nil` if it was not locked.
  public var locked: String?
  /// Available version, commit or checksum; `nil` if it is no longer needed.
  public var available: String?
  /// The package's archive, the git reference, or `image`.
  public var from: String
}

extension LockChange {
  /// Returns the differences between two lock files, sorted by name.
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
