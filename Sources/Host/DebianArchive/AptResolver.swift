import DebianPackages
import FoundationEssentials
import Glibc
import Hashing
import HostSystem
import Lock

/// Resolves requests to packages and versions, with APT.
///
/// APT runs with its own folders in the cache, for the wanted suite and architecture. It ignores the build host's
/// package lists, sources and installed packages. It verifies the archive's signatures with gpgv.
struct AptResolver {
  /// Path of the keyring with Debian's archive keys, as Debian's package installs it.
  static let debianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

  var cache: Cache
  var mirror: Mirror
  /// Path of the keyring with the keys that may sign the index.
  var keyring = Self.debianKeyring
  /// True to accept an index past its `Valid-Until` date.
  var acceptsExpiredIndex = false

  /// Returns the packages of each request, sorted by name, and the archive's date, from a fresh index.
  ///
  /// - Throws: ``ArchiveFailure``.
  func resolve(
    _ requests: [PackageRequest]
  ) async throws -> (packages: [PackageRequest: [DebianPackage]], archiveDate: Int64) {
    guard access(keyring, R_OK) == 0 else { throw ArchiveFailure.noKeyring(path: keyring) }
    var result: [PackageRequest: [DebianPackage]] = [:]
    var date: Int64 = 0
    let groups = Dictionary(grouping: requests) { "\($0.suite)/\($0.architecture)" }
    for (_, group) in groups.sorted(by: { $0.key < $1.key }) {
      guard let first = group.first else { continue }
      try await cache.withScratch { folder in
        let settings = try writeSettings(in: folder, suite: first.suite, architecture: first.architecture)
        let lists = try await update(settings, suite: first.suite, architecture: first.architecture)
        for request in group {
          var key = try await answerKey("packages 1", lists)
          key.add(request.label)
          result[request] = try await answer(key) {
            try await resolve(
              request, in: Index(settings: settings, securityPaths: try securityPaths(settings)))
          }
        }
        date = max(date, try ArchiveDate.newest(in: folder.appending(path: "state/lists")))
      }
    }
    return (result, date)
  }

  /// Writes APT's settings and sources.
  ///
  /// - Parameters:
  ///   - moreSources: Paragraphs of sources in addition to Debian's.
  ///   - preferences: Text of `apt_preferences(5)`.
  func writeSettings(
    in folder: URL, suite: String, architecture: String, moreSources: String = "", preferences: String = ""
  ) throws -> URL {
    try mirror.refuseCredentials()
    for name in ["state/lists/partial", "cache/archives/partial", "etc"] {
      try FolderTree.create(folder.appending(path: name).path)
    }
    try FolderTree.writeFile(folder.appending(path: "status").path, with: [])
    let components = "main contrib non-free non-free-firmware"
    func source(_ url: String, _ suites: String) -> String {
      "Types: deb\nURIs: \(url)\nSuites: \(suites)\nComponents: \(components)\nSigned-By: \(keyring)\n\n"
    }
    let (ground, addition) = Self.ground(of: suite)
    let suites = [ground] + [addition].compactMap(\.self)
    // The rolling suite has neither a security suite nor an updates suite.
    let sources =
      ["sid", "unstable"].contains(ground)
      ? source(mirror.main, suites.joined(separator: " "))
      : source(mirror.main, (suites + ["\(ground)-updates"]).joined(separator: " "))
        + source(mirror.security, "\(ground)-security")
    let sourceFile = folder.appending(path: "etc/cultivar.sources")
    try FolderTree.writeFile(sourceFile.path, with: (sources + moreSources).utf8)
    let preferenceFile = folder.appending(path: "etc/preferences")
    try FolderTree.writeFile(preferenceFile.path, with: preferences.utf8)
    return try Self.writeConfiguration(
      in: folder, sources: sourceFile, preferences: preferenceFile, architecture, preferring: addition)
  }

  /// Splits a suite into its base suite and the suite that adds to it, as `trixie-backports` adds to `trixie`. Most
  /// suites have no addition.
  static func ground(of suite: String) -> (ground: String, addition: String?) {
    if suite == "experimental" { return ("sid", suite) }
    guard let end = suite.firstRange(of: "-backports")?.lowerBound else { return (suite, nil) }
    return (String(suite[..<end]), suite)
  }

  /// Writes a configuration that makes APT use a folder and nothing of the build host but its credentials for archive
  /// servers.
  static func writeConfiguration(
    in folder: URL, sources sourceFile: URL, preferences: URL, _ architecture: String, preferring suite: String? = nil
  ) throws -> URL {
    // The same as `apt-get -t`: without it, APT takes no packages from a suite marked `NotAutomatic`.
    let preference = suite.map { "APT::Default-Release \"\($0)\";\n" } ?? ""
    let settings =
      preference + """
        Dir "\(folder.path)/";
        Dir::State "state";
        Dir::State::status "\(folder.path)/status";
        Dir::Cache "cache";
        Dir::Etc::sourcelist "\(sourceFile.path)";
        Dir::Etc::sourceparts "/dev/null";
        Dir::Etc::preferences "\(preferences.path)";
        Dir::Etc::preferencesparts "/dev/null";
        Dir::Etc::parts "/dev/null";
        Dir::Etc::main "/dev/null";
        Dir::Etc::netrc "/etc/apt/auth.conf";
        Dir::Etc::netrcparts "/etc/apt/auth.conf.d";
        APT::Architecture "\(architecture)";
        APT::Architectures { "\(architecture)"; };
        APT::Install-Recommends "false";
        // APT holds itself to be essential. A device need not have it: the packages of an image can come without.
        pkgCacheGen::ForceEssential "dpkg";
        APT::Sandbox::User "root";
        Acquire::Languages "none";
        Acquire::Retries "3";
        """
    let file = folder.appending(path: "apt.conf")
    try FolderTree.writeFile(file.path, with: settings.utf8)
    return file
  }

  static func apt(_ settings: URL, _ tool: HostProgram, _ arguments: [String], to purpose: String) -> HostCommand {
    HostCommand(
      tool, arguments, to: purpose, environment: ["APT_CONFIG": settings.path, "LC_ALL": "C.UTF-8"])
  }

  /// The beginning of the key of an answer that APT gives: the lists, the archives' addresses, and APT's own version.
  func answerKey(_ kind: String, _ lists: PackageLists) async throws -> CacheKey {
    var key = CacheKey(kind)
    key.add([lists.identity.text, mirror.main, mirror.security])
    key.add(try await HostCommand(.aptGet, ["--version"], to: "ask APT for its version").run())
    return key
  }

  /// An answer of APT: the one that it gave before, where its key is the same, since reading the lists takes seconds.
  func answer<Answer: Codable>(_ key: CacheKey, _ ask: () async throws -> Answer) async throws -> Answer {
    let name = "answer.json"
    let place = try await cache.result("resolution", key.hash) { folder in
      let answer = try await ask()
      try FolderTree.writeFile(folder.appending(path: name).path, with: try JSONEncoder().encode(answer))
    }
    let file = place.appending(path: name)
    return try JSONDecoder().decode(Answer.self, from: Data(try FolderTree.readFile(file.path)))
  }

  /// Fetches the lists of packages, as far as they have changed since the last build that fetched them.
  ///
  /// - Throws: ``ArchiveFailure``.
  func update(
    _ settings: URL, suite: String, architecture: String, repositories: [PackageRepository<String>] = []
  ) async throws -> PackageLists {
    let folder = settings.deletingLastPathComponent()
    let sources = try FolderTree.readFile(folder.appending(path: "etc/cultivar.sources").path)
    let store = PackageListStore(of: "\(architecture)\n\(String(decoding: sources, as: UTF8.self))", in: cache)
    let lists = folder.appending(path: "state/lists")
    let lent = try store.lend(to: lists)
    try await fetchLists(settings, suite: suite, repositories: repositories)
    return try await store.keep(lists, lent: lent)
  }

  private func fetchLists(_ settings: URL, suite: String, repositories: [PackageRepository<String>]) async throws {
    do {
      // Without this option, APT treats an index that it cannot fetch as a warning.
      let strictness = ["-o", "APT::Update::Error-Mode=any"]
      let dates = acceptsExpiredIndex ? ["-o", "Acquire::Check-Valid-Until=false"] : []
      try await Self.apt(
        settings, .aptGet, ["update", "-q", "-o", "pkgCacheFile::Generate=false"] + strictness + dates,
        to: "fetch the package index of \(suite)"
      ).run()
    } catch let failure as CommandFailure {
      switch failure.outcome {
      case .notFound: throw MissingPrograms([.aptGet])
      case .notRun: throw failure
      case .failed(_, let said):
        if said.contains("is expired (invalid since") { throw ArchiveFailure.indexExpired(suite: suite, said: said) }
        let archives =
          repositories.map { ($0.name, $0.url, $0.key.path, false) }
          + [("debian", mirror.main, keyring, true), ("debian-security", mirror.security, keyring, true)]
        if let trust = RepositoryTrust(in: said, repositories: archives) {
          throw ArchiveFailure.notTrusted(trust, said: said)
        }
        if let missing = MissingSuite(in: said, suite: suite, mirror: mirror.main, repositories: repositories) {
          throw ArchiveFailure.noSuchSuite(missing)
        }
        throw ArchiveFailure.indexRefused(suite: suite, said: said)
      }
    }
  }

  /// The fetched index of one suite and architecture.
  private struct Index {
    /// Path of APT's configuration for this index.
    var settings: URL
    /// Paths of the packages in the security archive.
    var securityPaths: Set<String>
  }

  private func resolve(_ request: PackageRequest, in index: Index) async throws -> [DebianPackage] {
    let settings = index.settings
    do {
      switch request.scope {
      case .named: return try await describe(request.names, in: index, of: request)
      case .direct:
        let direct = try await dependencies(of: request.names, in: settings)
        // A kernel may be split into packages that depend on each other.
        var (parts, new) = ([] as [String], direct.filter(KernelPackages.isPart))
        while !new.isEmpty {
          parts += new
          new = try await dependencies(of: new, in: settings).filter {
            KernelPackages.isPart($0) && !parts.contains($0)
          }
        }
        var seen: Set<String> = []
        return try await describe(
          (request.names + direct + parts).filter { seen.insert($0).inserted }, in: index, of: request)
      case .closure: break
      }
      let plan = try await Self.apt(
        settings, .aptGet, ["install", "--simulate", "-q"] + request.names, to: "resolve packages"
      ).run()
      let chosen = plan.split(separator: "\n").compactMap { line -> String? in
        let fields = line.split(separator: " ")
        guard fields.count >= 3, fields[0] == "Inst" else { return nil }
        return "\(fields[1])=\(fields[2].dropFirst())"
      }
      return try await describe(chosen, in: index, of: request)
    } catch let failure as CommandFailure {
      guard case .failed(_, let said) = failure.outcome else { throw failure }
      let complaints = said.split(separator: "\n").filter { $0.hasPrefix("E:") || $0.hasPrefix("N:") }
      throw ArchiveFailure.unresolvable(request, said: complaints.joined(separator: "\n"))
    }
  }

  /// Returns the names of the packages that the given ones depend on, without duplicates, sorted.
  private func dependencies(of names: [String], in settings: URL) async throws -> [String] {
    let text = try await Self.apt(
      settings, .aptCache, ["show", "--no-all-versions"] + names, to: "describe packages"
    ).run()
    return Set(ControlFile.paragraphs(text).flatMap { Self.firstAlternatives($0["Depends"] ?? "") }).sorted()
  }

  /// Returns the names of the packages in a dependency field, the first of each group of alternatives.
  private static func firstAlternatives(_ field: String) -> [String] {
    field.split(separator: ",").compactMap { group in
      group.drop(while: \.isWhitespace).split(whereSeparator: { " (|:\n".contains($0) }).first.map(String.init)
    }
  }

  private func describe(
    _ names: [String], in index: Index, of request: PackageRequest
  ) async throws -> [DebianPackage] {
    let text = try await Self.apt(
      index.settings, .aptCache, ["show", "--no-all-versions"] + names, to: "describe packages"
    ).run()
    let packages = ControlFile.paragraphs(text).compactMap { fields -> DebianPackage? in
      guard let name = fields["Package"], let version = fields["Version"], let path = fields["Filename"],
        let architecture = fields["Architecture"], let size = fields["Size"].flatMap({ Int64($0) }),
        let hash = fields["SHA256"].flatMap({ Digest(hexadecimal: $0) })
      else { return nil }
      return DebianPackage(
        name: name, version: version, architecture: architecture,
        archive: index.securityPaths.contains(path) ? .security : .main, path: path, size: size, sha256: hash)
    }
    let found = Set(packages.map(\.name))
    let missing = names.map { $0.split(separator: "=").first.map(String.init) ?? $0 }.filter { !found.contains($0) }
    guard missing.isEmpty else {
      throw ArchiveFailure.unresolvable(request, said: "not in the index: \(missing.joined(separator: ", "))")
    }
    return packages.sorted { $0.name < $1.name }
  }

  /// Returns the paths of all packages in the security archive's index. The output of `apt-cache show` does not name
  /// the archive.
  private func securityPaths(_ settings: URL) throws -> Set<String> {
    let folder = settings.deletingLastPathComponent().appending(path: "state/lists")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    var paths: Set<String> = []
    for name in names where name.contains("-security_") && name.hasSuffix("_Packages") {
      let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
      for line in text.split(separator: "\n") where line.hasPrefix("Filename: ") {
        paths.insert(String(line.dropFirst("Filename: ".count)))
      }
    }
    return paths
  }
}
