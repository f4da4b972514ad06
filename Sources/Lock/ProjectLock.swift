import Foundation
import HostSystem

/// The lock of a project while it is being built: what was locked before, and what this build used.
public actor ProjectLock {
  private let file: URL
  private let refresh: Bool
  private var lock: LockFile
  private var used = LockFile()

  /// Opens a project's lock file.
  ///
  /// - Parameters:
  ///   - file: `cultivar.lock`; it is made where it does not exist.
  ///   - refresh: Whether everything is resolved anew, as if there were no lock file.
  /// - Throws: ``LockFailure``.
  public init(file: URL, refresh: Bool = false) throws {
    self.file = file
    self.refresh = refresh
    lock = try LockFile.read(file)
  }

  /// The packages that a request is locked to; `nil` where it is not.
  public func packages(of request: PackageRequest) -> [DebianPackage]? {
    guard let known = used.packages(of: request) ?? (refresh ? nil : lock.packages(of: request)) else { return nil }
    used.record(request, known)
    return known
  }

  /// The packages that a label stands for; `nil` where nothing is locked under it.
  public func packages(labelled label: String) -> [DebianPackage]? {
    guard let known = used.packages(labelled: label) ?? (refresh ? nil : lock.packages(labelled: label)) else {
      return nil
    }
    used.record(labelled: label, known)
    for (key, state) in lock.releases ?? [:] { used.releases = (used.releases ?? [:]).merging([key: state]) { $1 } }
    return known
  }

  /// The commit that a git reference is locked to; `nil` where it is not.
  ///
  /// - Parameters:
  ///   - url: The repository.
  ///   - reference: The reference, with its kind: `tag v1`.
  public func revision(of url: String, _ reference: String) -> String? {
    let key = "\(url) \(reference)"
    guard let known = used.revisions[key] ?? (refresh ? nil : lock.revisions[key]) else { return nil }
    used.revisions[key] = known
    return known
  }

  /// Time of the files in an image, in seconds since 1970: the date of the archive's newest index.
  public var archiveDate: Int64 { max(refresh ? 0 : lock.archiveDate, used.archiveDate) }

  /// Locks requests to packages.
  ///
  /// - Parameter archiveDate: Date of the signed index that they come from.
  /// - Throws: `FileFailure`.
  public func record(_ found: [PackageRequest: [DebianPackage]], archiveDate: Int64) throws {
    for (request, packages) in found {
      used.record(request, packages)
      lock.record(request, packages)
    }
    used.archiveDate = max(used.archiveDate, archiveDate)
    lock.archiveDate = max(refresh ? 0 : lock.archiveDate, used.archiveDate)
    try save()
  }

  /// Locks what stands under labels, and notes the state of the archives that it was resolved in.
  ///
  /// - Throws: `FileFailure`.
  public func record(
    labelled found: [String: [DebianPackage]], releases: [String: ReleaseState], archiveDate: Int64
  ) throws {
    // What other images have upon a base that has changed was resolved for the base as it was.
    if found.contains(where: { label, packages in lock.packages(labelled: label).map { $0 != packages } ?? false }) {
      let kinds = Set(found.keys.compactMap { $0.split(separator: ":").first })
      for label in lock.requests.keys where found[label] == nil && kinds.contains(where: { label.hasPrefix("\($0):") })
      {
        lock.requests[label] = nil
        used.requests[label] = nil
      }
    }
    for (label, packages) in found {
      used.record(labelled: label, packages)
      lock.record(labelled: label, packages)
    }
    used.releases = (used.releases ?? [:]).merging(releases) { $1 }
    lock.releases = (lock.releases ?? [:]).merging(releases) { $1 }
    try record([:], archiveDate: archiveDate)
  }

  /// Locks a git reference to a commit.
  ///
  /// - Throws: `FileFailure`.
  public func record(_ commit: String, of url: String, _ reference: String) throws {
    used.revisions["\(url) \(reference)"] = commit
    lock.revisions["\(url) \(reference)"] = commit
    try save()
  }

  /// Drops what this build did not ask for: called after a build of all images.
  ///
  /// - Throws: `FileFailure`.
  public func tidy() throws {
    used.archiveDate = archiveDate
    guard used != lock else { return }
    lock = used
    try save()
  }

  private func save() throws {
    try FolderTree.replaceFile(file.path, with: try lock.text())
  }
}
