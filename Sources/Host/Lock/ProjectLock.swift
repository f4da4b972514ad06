import FoundationEssentials
import Hashing
import HostSystem

/// The lock of a project during a build: the locked versions before it, and the ones that it uses.
public actor ProjectLock {
  private let file: URL
  private let mode: LockMode
  private let before: LockFile
  private var lock: LockFile
  private var used = LockFile()

  /// Opens a project's lock file.
  ///
  /// - Parameters:
  ///   - file: `cultivar.lock`; it is created if it does not exist.
  ///   - mode: The way the build uses the file.
  /// - Throws: ``LockFailure``, ``NoLockedName``.
  public init(file: URL, mode: LockMode = .kept) throws {
    self.file = file
    self.mode = mode
    before = try LockFile.read(file)
    lock = before
    guard case .renewedFor(let names) = mode else { return }
    let unknown = names.subtracting(lock.names)
    guard unknown.isEmpty else { throw NoLockedName(names: unknown.sorted(), path: file.path) }
  }

  /// Returns the locked packages of a request; `nil` if there are none that the mode allows.
  public func packages(of request: PackageRequest) -> [DebianPackage]? {
    guard let known = used.packages(of: request) ?? (counts(request.label) ? lock.packages(of: request) : nil) else {
      return nil
    }
    used.record(request, known)
    return known
  }

  /// Returns the locked packages of a label; `nil` if there are none that the mode allows.
  public func packages(labelled label: String) -> [DebianPackage]? {
    guard let known = used.packages(labelled: label) ?? (counts(label) ? lock.packages(labelled: label) : nil) else {
      return nil
    }
    used.record(labelled: label, known)
    for (key, state) in lock.releases ?? [:] { used.releases = (used.releases ?? [:]).merging([key: state]) { $1 } }
    return known
  }

  /// Returns the versions to keep, by package name, when other packages are resolved.
  ///
  /// These are the locked versions, except those to be renewed.
  ///
  /// - Parameter head: Beginning of the labels to consider. A package with several versions there has none to keep.
  public func versionsToKeep(inLabelsWith head: String) -> [String: String] {
    let renewed: Set<String>
    switch mode {
    case .kept, .required: renewed = []
    case .renewed, .compared: return [:]
    case .renewedFor(let names): renewed = names
    }
    let labels = before.requests.filter { $0.key.hasPrefix(head) }.flatMap(\.value)
    let versions = Dictionary(grouping: labels.compactMap { before.packages[$0] }, by: \.name)
    return versions.compactMapValues { packages in
      let versions = Set(packages.map(\.version))
      return versions.count == 1 && !renewed.contains(packages[0].name) ? versions.first : nil
    }
  }

  /// Returns the locked commit of a git reference; `nil` if there is none that the mode allows.
  ///
  /// - Parameters:
  ///   - url: URL of the repository.
  ///   - reference: The reference with its kind: `tag v1`.
  public func revision(of url: String, _ reference: String) -> String? {
    let key = "\(url) \(reference)"
    let counts =
      switch mode {
      case .kept, .required: true
      case .renewed, .compared: false
      case .renewedFor(let names): names.isDisjoint(with: LockFile.names(ofRepository: url))
      }
    guard let known = used.revisions[key] ?? (counts ? lock.revisions[key] : nil) else { return nil }
    used.revisions[key] = known
    return known
  }

  /// Returns true if the mode allows the locked packages of a label.
  private func counts(_ label: String) -> Bool {
    switch mode {
    case .kept, .required: true
    case .renewed, .compared: false
    case .renewedFor(let names): names.isDisjoint(with: lock.names(under: label))
    }
  }

  /// Checks that versions may be resolved that are not locked. It is called before they are resolved.
  ///
  /// - Parameter missing: Labels of the requests to resolve.
  /// - Throws: ``NotLocked`` if the mode requires locked versions.
  public func allowLookup(of missing: [String]) throws(NotLocked) {
    guard mode == .required else { return }
    throw NotLocked(
      missing: missing, path: FileManager.default.fileExists(atPath: file.path) ? file.path : nil)
  }

  /// Returns the differences between the versions that this build used and the ones locked before it.
  public func changes() -> [LockChange] { LockChange.between(before, used) }

  /// Time of the files in an image, in seconds since 1970. It is the date of the newest index.
  public var archiveDate: Int64 { max(startsAnew ? 0 : lock.archiveDate, used.archiveDate) }

  private var startsAnew: Bool { mode == .renewed || mode == .compared }

  /// Locks the packages of requests.
  ///
  /// - Parameter archiveDate: Date of the packages' signed index, in seconds since 1970.
  /// - Throws: `FileFailure`.
  public func record(_ found: [PackageRequest: [DebianPackage]], archiveDate: Int64) throws {
    for (request, packages) in found {
      used.record(request, packages)
      lock.record(request, packages)
    }
    used.archiveDate = max(used.archiveDate, archiveDate)
    lock.archiveDate = max(startsAnew ? 0 : lock.archiveDate, used.archiveDate)
    try save()
  }

  /// Locks the packages of labels, with the state of the archives at their resolution.
  ///
  /// - Throws: `FileFailure`.
  public func record(
    labelled found: [String: [DebianPackage]], releases: [String: ReleaseState], archiveDate: Int64
  ) throws {
    // If the packages of a stage change, stages of other images on the same base were resolved for the old ones, so
    // those are no longer locked.
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

  /// Checks that a published image is the locked one. An image that is not locked passes.
  ///
  /// - Parameter path: Path of the image, relative to the project's folder, so that it is the same on other machines.
  /// - Throws: ``ChangedBase``.
  public func check(base path: String, _ hash: Digest) throws(ChangedBase) {
    let counts =
      switch mode {
      case .kept, .required: true
      case .renewed, .compared: false
      case .renewedFor(let names): !names.contains(path)
      }
    guard counts, let known = lock.bases?[path], known != hash else { return }
    throw ChangedBase(path: path, locked: known, found: hash, lockFile: file.lastPathComponent)
  }

  /// Locks a published image. If it is already locked, it must be the same image.
  ///
  /// - Throws: ``ChangedBase``, ``NotLocked``, `FileFailure`.
  public func record(base path: String, _ hash: Digest) throws {
    try check(base: path, hash)
    let known = lock.bases?[path]
    if known == nil { try allowLookup(of: ["image \(path)"]) }
    used.bases = (used.bases ?? [:]).merging([path: hash]) { $1 }
    guard known != hash else { return }
    lock.bases = (lock.bases ?? [:]).merging([path: hash]) { $1 }
    try save()
  }

  /// Removes the locks that this build did not use. It is called after a build of all images.
  ///
  /// - Throws: `FileFailure`.
  public func tidy() throws {
    used.archiveDate = archiveDate
    guard used != lock else { return }
    lock = used
    try save()
  }

  private func save() throws {
    guard mode != .required, mode != .compared else { return }
    try FolderTree.replaceFile(file.path, with: try lock.text())
  }
}
