import FoundationEssentials
import Glibc
import Hashing
import HostSystem
import Lock
import Synchronization

/// The Debian archive for a build, with locked versions, verified files and unpacked trees.
///
/// The cache keeps a package's `.deb` file and its unpacked files, both under the hash of the `.deb` file. Each package
/// is fetched and unpacked once.
public struct DebianArchive: Sendable {
  let cache: Cache
  private let mirror: Mirror
  private let lock: ProjectLock
  private let acceptsExpiredIndex: Bool
  private let whole = WholeArchives()
  private let repositories = RepositoryAddresses()

  /// Opens the archive for a project.
  ///
  /// - Parameter acceptsExpiredIndex: True to accept an index past its `Valid-Until` date. An attacker can then
  ///   withhold newer indexes.
  public init(cache: Cache, mirror: Mirror, lock: ProjectLock, acceptsExpiredIndex: Bool = false) {
    self.cache = cache
    self.mirror = mirror
    self.lock = lock
    self.acceptsExpiredIndex = acceptsExpiredIndex
  }

  /// Path of the keyring that verifies Debian's signatures.
  public static var keyring: String { AptResolver.debianKeyring }

  /// Checks that the programs that resolve, fetch and unpack packages are installed on this machine.
  ///
  /// - Throws: `MissingPrograms`.
  public static func checkTools() throws(MissingPrograms) { try HostProgram.require([.build]) }

  /// Returns the packages for requests: from the lock file, or resolved by APT and then recorded in the lock file.
  ///
  /// - Throws: ``ArchiveFailure``.
  public func packages(for requests: [PackageRequest]) async throws -> [PackageRequest: [DebianPackage]] {
    var result: [PackageRequest: [DebianPackage]] = [:]
    var open: [PackageRequest] = []
    for request in requests {
      if let known = await lock.packages(of: request) {
        result[request] = known
      } else {
        open.append(request)
      }
    }
    guard !open.isEmpty else { return result }
    try await lock.allowLookup(of: open.map(\.label))
    let resolver = AptResolver(cache: cache, mirror: mirror, acceptsExpiredIndex: acceptsExpiredIndex)
    let found = try await resolver.resolve(open)
    try await lock.record(found.packages, archiveDate: found.archiveDate)
    return result.merging(found.packages) { $1 }
  }

  /// Returns folders with the unpacked files of packages, in the order of the packages. Maintainer scripts do not run.
  ///
  /// - Parameter decompressor: Decompressor of the archives; `nil` for `dpkg-deb`'s own.
  /// - Throws: ``ArchiveFailure``, `CommandFailure`.
  public func trees(of packages: [DebianPackage], by decompressor: Decompressor? = nil) async throws -> [URL] {
    let missing = packages.filter { !isUnpacked($0) }
    if !missing.isEmpty {
      try await fetch(missing)
      try await unpack(missing, by: decompressor)
    }
    return packages.map { cache.location("package", $0.sha256) }
  }

  /// Fetches the archives of packages that are not unpacked yet.
  func fetchForTrees(_ packages: [DebianPackage]) async throws { try await fetch(packages.filter { !isUnpacked($0) }) }

  private func isUnpacked(_ package: DebianPackage) -> Bool {
    cache.take(cache.location("package", package.sha256))
  }

  private func archiveFile(_ package: DebianPackage) -> URL {
    cache.folder.appending(path: "archives/\(package.sha256.text).deb")
  }

  /// Returns the archive files (`.deb`) of packages, fetched and verified.
  ///
  /// - Throws: ``ArchiveFailure``, `CommandFailure`.
  public func files(of packages: [DebianPackage]) async throws -> [URL] {
    let made = packages.filter { $0.archive == .build && !cache.take(archiveFile($0)) }
    if !made.isEmpty {
      let file = try await BuildPackages(cache: cache).file
      try FolderTree.create(cache.folder.appending(path: "archives").path)
      for package in made where Glibc.link(file.path, archiveFile(package).path) != 0 && errno != EEXIST {
        throw FileFailure.last("store", archiveFile(package).path)
      }
    }
    try await fetch(packages.filter { $0.archive != .build })
    return packages.map(archiveFile)
  }

  /// Returns the packages of a system's stages: from the lock file if it has all of them, otherwise resolved by APT.
  ///
  /// - Throws: ``ArchiveFailure``, `CommandFailure`.
  public func packages(for request: InstallationRequest) async throws -> [[DebianPackage]] {
    var known: [[DebianPackage]] = []
    for index in request.stages.indices {
      guard let packages = await locked(request, index) else { break }
      known.append(packages)
    }
    for packages in known { repositories.note(packages, of: request) }
    guard known.count < request.stages.count else { return known }
    try await lock.allowLookup(of: request.stages.indices.dropFirst(known.count).map(request.label))
    // The versions of all stages must match. If one stage has to be resolved, all are resolved with the same index.
    // Locked versions are kept as far as possible.
    let resolver = AptResolver(cache: cache, mirror: mirror, acceptsExpiredIndex: acceptsExpiredIndex)
    let found = try await resolver.resolve(
      request, keeping: await lock.versionsToKeep(inLabelsWith: request.labelHead),
      buildPackages: try await BuildPackages(cache: cache))
    var labelled: [String: [DebianPackage]] = [:]
    for (index, packages) in found.stages.enumerated() {
      labelled[request.label(of: index)] = packages
      repositories.note(packages, of: request)
    }
    try await lock.record(labelled: labelled, releases: found.releases, archiveDate: found.archiveDate)
    return found.stages
  }

  /// Returns the packages of a system's stages from the lock file; `nil` unless it has all of them.
  public func lockedPackages(for request: InstallationRequest) async -> [[DebianPackage]]? {
    var known: [[DebianPackage]] = []
    for index in request.stages.indices {
      guard let packages = await locked(request, index) else { return nil }
      repositories.note(packages, of: request)
      known.append(packages)
    }
    return known
  }

  /// Returns the locked packages of a stage. A stage without packages needs no lock.
  private func locked(_ request: InstallationRequest, _ index: Int) async -> [DebianPackage]? {
    let stage = request.stages[index]
    if stage.arguments.isEmpty { return [] }
    return await lock.packages(labelled: request.label(of: index))
  }

  /// Returns the packages that are not in the cache, neither as archive files nor unpacked.
  public func missing(_ packages: some Sequence<DebianPackage>) -> [DebianPackage] {
    packages.filter { $0.archive != .build && access(archiveFile($0).path, F_OK) != 0 && !isUnpacked($0) }
  }

  /// Number of APT helpers that run at the same time. Each one fetches its files one after the other.
  private static let helpers = 3

  /// Fetches packages with APT's helper program, which supports proxies, retries, and verifies each file's hash.
  ///
  /// Fetched files are kept even if others fail, so that the next build does not fetch them again.
  private func fetch(_ packages: [DebianPackage]) async throws {
    // A power cut or a full disk may have damaged an archive file, so its hash is checked, once in a build. A damaged
    // file is fetched again.
    let wanted = packages.filter { package in
      guard cache.take(archiveFile(package)) else { return true }
      if whole.has(package.sha256) { return false }
      guard (try? Digest(ofFile: archiveFile(package).path)) == package.sha256 else { return true }
      whole.add(package.sha256)
      return false
    }
    guard !wanted.isEmpty else { return }
    for package in wanted { unlink(archiveFile(package).path) }
    try FolderTree.create(cache.folder.appending(path: "archives").path)
    try await cache.withScratch { folder in
      let failures = try await withThrowingTaskGroup(of: String?.self) { group in
        for batch in Self.batches(wanted) {
          group.addTask { try await fetchBatch(batch, into: folder) }
        }
        return try await group.reduce(into: [String]()) { if let said = $1 { $0.append(said) } }
      }
      guard !failures.isEmpty else { return }
      let missing = wanted.filter { access(archiveFile($0).path, F_OK) != 0 }
      throw ArchiveFailure.notFetched(
        packages: (missing.isEmpty ? wanted : missing).map(\.label), said: failures.joined(separator: "\n"))
    }
  }

  /// Distributes packages over the helpers, the largest first, so that each has about the same number of bytes to
  /// fetch.
  static func batches(_ packages: [DebianPackage]) -> [[DebianPackage]] {
    var batches = [(size: Int64, packages: [DebianPackage])](repeating: (0, []), count: min(helpers, packages.count))
    for package in packages.sorted(by: { $0.size > $1.size }) {
      guard let least = batches.indices.min(by: { batches[$0].size < batches[$1].size }) else { break }
      batches[least].size += package.size
      batches[least].packages.append(package)
    }
    return batches.map(\.packages)
  }

  /// Fetches archives one after the other, and stores those that are complete.
  ///
  /// - Returns: The helper's output if a package was not fetched; `nil` if all were.
  private func fetchBatch(
    _ packages: [DebianPackage], into folder: URL
  ) async throws -> String? {
    try mirror.refuseCredentials()
    var arguments = [
      "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3", "-o", "Acquire::http::Timeout=30", "-q",
      "download-file",
    ]
    for package in packages {
      arguments += [
        mirror.url(of: package, repository: repositories.url(of: package)),
        folder.appending(path: package.sha256.text).path,
        "SHA256:\(package.sha256)",
      ]
    }
    let outcome: Result<Void, any Error>
    do {
      try await HostCommand(.aptHelper, arguments, to: "fetch packages").run()
      outcome = .success(())
    } catch {
      outcome = .failure(error)
    }
    // This also runs after a failure and after Ctrl-C, to store the complete files.
    var wrong: [String] = []
    for package in packages {
      let file = folder.appending(path: package.sha256.text).path
      guard access(file, F_OK) == 0 else { continue }
      let hash = try Digest(ofFile: file)
      guard hash == package.sha256 else {
        wrong.append("\(package.label): its SHA-256 is \(hash), expected \(package.sha256)")
        continue
      }
      if rename(file, archiveFile(package).path) != 0 { throw FileFailure.last("store", archiveFile(package).path) }
    }
    switch outcome {
    case .success: return wrong.isEmpty ? nil : wrong.joined(separator: "\n")
    case .failure(let failure as CommandFailure):
      switch failure.outcome {
      case .notFound: throw MissingPrograms([.aptHelper])
      case .notRun: throw failure
      case .failed(_, let said):
        if failure.isFullDisk { throw FileFailure.fullDisk("write to the cache", cache.folder.path) }
        return said
      }
    case .failure(let error): throw error
    }
  }

  private func unpack(_ packages: [DebianPackage], by decompressor: Decompressor?) async throws {
    // The largest first, so that it is not the last one to finish while the other cores are idle.
    try await SideBySide.run(packages.sorted { $0.size > $1.size }) { try await unpack($0, by: decompressor) }
  }

  private func unpack(_ package: DebianPackage, by decompressor: Decompressor?) async throws {
    let archive = archiveFile(package)
    _ = try await cache.result("package", package.sha256) { folder in
      let command =
        if let decompressor {
          // A low priority, as other work of the build matters more than the tools.
          HostCommand(
            .nice,
            [
              "-n", "10", "/bin/sh", "-euc",
              decompressor.command("\"$1\"", try PackageData(in: archive.path), folder: "\"$2\"")
                + " | tar -x -p --warning=no-timestamp", "sh", archive.path, decompressor.folder.path,
            ], to: "unpack \(package.label)", in: folder.path)
        } else {
          HostCommand(.dpkgDeb, ["--extract", archive.path, folder.path], to: "unpack \(package.label)")
        }
      try await command.run()
    }
  }
}

/// The hashes of archive files that this build has already verified.
private final class WholeArchives: Sendable {
  private let hashes = Mutex<Set<Digest>>([])

  func has(_ hash: Digest) -> Bool { hashes.withLock { $0.contains(hash) } }

  func add(_ hash: Digest) { hashes.withLock { _ = $0.insert(hash) } }
}

/// The URLs of the layers' repositories, by package hash, so that a package is always fetched from its own repository.
private final class RepositoryAddresses: Sendable {
  private let urls = Mutex<[Digest: String]>([:])

  func note(_ packages: [DebianPackage], of request: InstallationRequest) {
    urls.withLock { urls in
      for package in packages {
        let repositories = request.repositories.map(\.repository)
        guard let origin = repositories.first(where: { .repository($0.name) == package.archive }) else { continue }
        urls[package.sha256] = origin.url
      }
    }
  }

  func url(of package: DebianPackage) -> String? { urls.withLock { $0[package.sha256] } }
}
