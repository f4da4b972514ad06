import FoundationEssentials
import HostSystem

/// The lock of a project while it is being built: what was locked before, and what this build used.
public actor ProjectLock {
  private let file: URL
  private let mode: LockMode
  private let before: LockFile
  private var lock: LockFile
  private var used = LockFile()

  /// Opens a project's lock file.
  ///
  /// - Parameters:
  ///   - file: `cultivar.lock`; it is made where it does not exist.
  ///   - mode: What of it counts.
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

  /// The packages that a request is locked to; `nil` where it is not.
  public func packages(of request: PackageRequest) -> [DebianPackage]? {
    guard let known = used.packages(of: request) ?? (counts(request.label) ? lock.packages(of: request) : nil) else {
      return nil
    }
    used.record(request, known)
    return known
  }

  /// The packages that a label stands for; `nil` where nothing is locked under it.
  public func packages(labelled label: String) -> [DebianPackage]? {
    guard let known = used.packages(labelled: label) ?? (counts(label) ? lock.packages(labelled: label) : nil) else {
      return nil
    }
    used.record(labelled: label, known)
    for (key, state) in lock.releases ?? [:] { used.releases = (used.releases ?? [:]).merging([key: state]) { $1 } }
    return known
  }

  /// Versions that packages keep where others beside them are looked up, by name: those that are locked and not to be renewed.
  ///
  /// - Parameter head: What the labels begin with that count; a package that they have in several versions has none to keep.
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

  /// The commit that a git reference is locked to; `nil` where it is not.
  ///
  /// - Parameters:
  ///   - url: The repository.
  ///   - reference: The reference, with its kind: `tag v1`.
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

  /// Whether what is locked under a label is taken.
  private func counts(_ label: String) -> Bool {
    switch mode {
    case .kept, .required: true
    case .renewed, .compared: false
    case .renewedFor(let names): names.isDisjoint(with: lock.names(under: label))
    }
  }

  /// Called before something is looked up that is not locked.
  ///
  /// - Parameter missing: What the lock file would have to name.
  /// - Throws: ``NotLocked`` where nothing may be looked up.
  public func allowLookup(of missing: [String]) throws(NotLocked) {
    guard mode == .required else { return }
    throw NotLocked(
      missing: missing, path: FileManager.default.fileExists(atPath: file.path) ? file.path : nil)
  }

  /// What this build took that is not what was locked when it began.
  public func changes() -> [LockChange] { LockChange.between(before, used) }

  /// Time of the files in an image, in seconds since 1970: the date of the archive's newest index.
  public var archiveDate: Int64 { max(startsAnew ? 0 : lock.archiveDate, used.archiveDate) }

  private var startsAnew: Bool { mode == .renewed || mode == .compared }

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
    lock.archiveDate = max(startsAnew ? 0 : lock.archiveDate, used.archiveDate)
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

  /// Whether a published image is the one that is locked, if one is.
  ///
  /// - Parameter path: The image, as it stays the same on other machines: from the project's folder.
  /// - Throws: ``ChangedBase``.
  public func check(base path: String, _ hash: ContentHash) throws(ChangedBase) {
    let counts =
      switch mode {
      case .kept, .required: true
      case .renewed, .compared: false
      case .renewedFor(let names): !names.contains(path)
      }
    guard counts, let known = lock.bases?[path], known != hash else { return }
    throw ChangedBase(path: path, locked: known, found: hash, lockFile: file.lastPathComponent)
  }

  /// Locks a published image, which has to be the one that is locked already.
  ///
  /// - Throws: ``ChangedBase``, ``NotLocked``, `FileFailure`.
  public func record(base path: String, _ hash: ContentHash) throws {
    try check(base: path, hash)
    let known = lock.bases?[path]
    if known == nil { try allowLookup(of: ["image \(path)"]) }
    used.bases = (used.bases ?? [:]).merging([path: hash]) { $1 }
    guard known != hash else { return }
    lock.bases = (lock.bases ?? [:]).merging([path: hash]) { $1 }
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
    guard mode != .required, mode != .compared else { return }
    try FolderTree.replaceFile(file.path, with: try lock.text())
  }
}
