import DebianPackages
import FoundationEssentials
import Glibc
import Hashing
import Hexadecimal
import HostSystem
import LinuxSystem
import Lock

/// The result of resolving a system's stages.
struct ResolvedSystemPackages: Codable {
  /// New packages of each stage, sorted by name.
  var stages: [[DebianPackage]]
  /// State of each archive's signed index, by the archive's description.
  var releases: [String: ReleaseState]
  /// Date of the newest signed index, in seconds since 1970.
  var archiveDate: Int64
}

extension AptResolver {
  /// Resolves the packages of each stage, given those of the earlier stages.
  ///
  /// - Parameters:
  ///   - versions: Versions to prefer, by package name. They are dropped if the archives no longer have them or if the
  ///     stages cannot be resolved with them.
  ///   - buildPackages: The archive of packages that the build makes itself.
  /// - Throws: ``ArchiveFailure``.
  func resolve(
    _ request: InstallationRequest, keeping versions: [String: String] = [:], buildPackages: BuildPackages
  ) async throws -> ResolvedSystemPackages {
    guard access(keyring, R_OK) == 0 else { throw ArchiveFailure.noKeyring(path: keyring) }
    return try await cache.withScratch { folder in
      let settings = try writeSettings(
        in: folder, suite: request.suite, architecture: request.architecture,
        moreSources: request.repositories.map { $0.paragraph + "\n" }.joined() + buildPackages.source)
      let found = try await update(
        settings, suite: request.suite, architecture: request.architecture,
        repositories: request.repositories.map(\.repository))
      var key = try await answerKey("stages 1", found)
      key.add(request.stages.isEmpty ? "" : request.label(of: request.stages.count - 1))
      key.add(request.base?.status ?? "")
      key.add(versions.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] })
      return try await answer(key) {
        try await ask(request, settings, keeping: versions, buildPackages: buildPackages)
      }
    }
  }

  /// Asks APT with the fetched lists.
  private func ask(
    _ request: InstallationRequest, _ settings: URL, keeping versions: [String: String], buildPackages: BuildPackages
  ) async throws -> ResolvedSystemPackages {
    let folder = settings.deletingLastPathComponent()
    let lists = folder.appending(path: "state/lists")
    func prefer(keeping versions: [String: String]) throws {
      try FolderTree.writeFile(
        folder.appending(path: "etc/preferences").path,
        with: Self.preferences(request, keeping: versions, lists: lists).utf8)
    }
    try prefer(keeping: versions)
    try await Self.apt(settings, .aptCache, ["gencaches", "-q"], to: "read the package index").run()
    var result = ResolvedSystemPackages(stages: [], releases: [:], archiveDate: 0)
    do {
      result.stages = try await stages(of: request, settings, buildPackages)
    } catch is ArchiveFailure where !versions.isEmpty {
      // The locked versions may not fit together with a new one.
      try prefer(keeping: [:])
      result.stages = try await stages(of: request, settings, buildPackages)
    }
    result.releases = try releases(in: lists)
    result.archiveDate = try ArchiveDate.newest(in: lists)
    return result
  }

  /// Resolves each stage on top of the earlier ones.
  private func stages(
    of request: InstallationRequest, _ settings: URL, _ buildPackages: BuildPackages
  ) async throws -> [[DebianPackage]] {
    var status = request.base.map { $0.status + "\n\n" } ?? ""
    var stages: [[DebianPackage]] = []
    for stage in request.stages {
      let file = settings.deletingLastPathComponent().appending(path: "status").path
      try FolderTree.writeFile(file, with: status.utf8)
      stages.append(try await resolve(stage, of: request, settings, buildPackages, installed: &status))
    }
    return stages
  }

  private func resolve(
    _ stage: InstallationRequest.Stage, of request: InstallationRequest, _ settings: URL,
    _ buildPackages: BuildPackages,
    installed status: inout String
  ) async throws -> [DebianPackage] {
    let wishes = stage.arguments
    guard !wishes.isEmpty else { return [] }
    let plan: AptPlan
    let described: String
    var addresses = ""
    do {
      plan = AptPlan(
        try await Self.apt(
          settings, .aptGet, ["install", "--simulate", "-q"] + wishes, to: "resolve packages"
        ).run())
      guard !plan.installed.isEmpty else { return [] }
      described = try await Self.apt(
        settings, .aptCache, ["show", "--no-all-versions"] + plan.installed, to: "describe packages"
      ).run()
      addresses = try await Self.apt(
        settings, .aptGet, ["install", "--print-uris", "-qq"] + wishes, to: "find packages"
      ).run()
    } catch let failure as CommandFailure {
      guard case .failed(_, let said) = failure.outcome else { throw failure }
      let complaints = said.split(separator: "\n").filter {
        $0.hasPrefix("E:") || $0.hasPrefix("N:") || $0.hasPrefix(" ") && !$0.hasPrefix("  ")
      }
      throw ArchiveFailure.uninstallable(
        packages: stage.wanted, suite: request.suite, architecture: request.architecture,
        said: complaints.joined(separator: "\n"))
    }
    let unexpected = plan.removed.filter { !stage.removed.contains($0) }
    guard unexpected.isEmpty else { throw ArchiveFailure.wouldRemove(unexpected, for: stage.wanted) }
    let urls = addresses.split(separator: "\n").compactMap { line in
      line.split(separator: "'", maxSplits: 2).first.map(String.init)
    }
    var packages: [DebianPackage] = []
    for paragraph in described.split(separator: "\n\n").map(String.init) {
      guard let fields = ControlFile.paragraphs(paragraph).first, let name = fields["Package"],
        let version = fields["Version"], let path = fields["Filename"], let architecture = fields["Architecture"],
        let size = fields["Size"].flatMap({ Int64($0) }),
        let hash = fields["SHA256"].flatMap({ Digest(hexadecimal: $0) })
      else { continue }
      let package = DebianPackage(
        name: name, version: version, architecture: architecture,
        archive: origin(of: path, urls: urls, request), path: path.hasPrefix("./") ? String(path.dropFirst(2)) : path,
        size: size, sha256: hash)
      packages.append(package)
      // A stage may replace a package of the base or of an earlier stage with another version.
      status = Self.without(name, architecture, status)
      status += Self.installed(paragraph) + "\n\n"
    }
    if !plan.removed.isEmpty { status = Self.without(plan.removed, status) }
    return packages.sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
  }

  private func origin(of path: String, urls: [String], _ request: InstallationRequest) -> DebianPackage.Origin {
    let repositories = request.repositories.map(\.repository)
    let plain = path.hasPrefix("./") ? String(path.dropFirst(2)) : path
    let url =
      urls.first { $0.hasSuffix("/\(plain)") || $0.percentDecoded?.hasSuffix("/\(plain)") == true } ?? ""
    if url.hasPrefix("file:") || url.hasPrefix("copy:") || url.isEmpty {
      // APT may print no URL for a file that it does not have to fetch.
      let local = repositories.first { repository in
        guard repository.url.hasPrefix("file:") else { return false }
        let place = "/\(repository.url.droppingSlash.dropFirst("file:".count).drop { $0 == "/" })/\(plain)"
        return url.isEmpty ? access(place, F_OK) == 0 : url.replacing("/./", with: "/").hasSuffix(place)
      }
      return local.map { .repository($0.name) } ?? .build
    }
    // The security archive is first, as a mirror may hold it in a folder of the main archive.
    if url.hasPrefix(mirror.security + "/") { return .security }
    if let repository = repositories.first(where: { url.hasPrefix($0.url.droppingSlash + "/") }),
      repository.url.droppingSlash != mirror.main
    {
      return .repository(repository.name)
    }
    return .main
  }

  /// Returns the text of `apt_preferences(5)` for a request.
  ///
  /// - Parameter lists: Folder of the fetched indexes. A pin identifies an archive by the fields of its signed index,
  ///   as one host may serve several archives.
  static func preferences(
    _ request: InstallationRequest, keeping versions: [String: String], lists: URL
  ) -> String {
    var text = ""
    if !request.excluded.isEmpty {
      text += "Package: \(request.excluded.sorted().joined(separator: " "))\nPin: version *\nPin-Priority: -1\n\n"
    }
    // Above the priority of every archive, and below 1000, from which on APT would downgrade installed packages.
    for (name, version) in versions.sorted(by: { $0.key < $1.key }) {
      text += "Package: \(name)\nPin: version \(version)\nPin-Priority: 995\n\n"
    }
    for repository in request.repositories.map(\.repository) {
      guard let pin = repository.pin else { continue }
      let packages = pin.packages.isEmpty ? "*" : pin.packages.joined(separator: " ")
      for archive in archives(of: repository, lists: lists) {
        text += "Package: \(packages)\nPin: \(archive)\nPin-Priority: \(pin.priority)\n\n"
      }
    }
    return text
  }

  /// Returns the descriptions of a repository's archives for pins, one for each suite.
  ///
  /// A description names all fields by which the suite's index describes itself, or the repository's host if there are
  /// none.
  private static func archives(of repository: PackageRepository<String>, lists: URL) -> [String] {
    let fields = [("Origin", "o"), ("Suite", "a"), ("Codename", "n"), ("Label", "l")]
    return repository.suites.compactMap { suite in
      let place = suite.hasSuffix("/") ? "\(suite == "./" ? "./" : suite)InRelease" : "dists/\(suite)/InRelease"
      let file = lists.appending(path: listName(of: "\(repository.url.droppingSlash)/\(place)"))
      let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
      let known = fields.compactMap { field, letter -> String? in
        let line = text.split(separator: "\n").first { $0.hasPrefix("\(field): ") }
        return line.map { "\(letter)=\($0.dropFirst(field.count + 2))" }
      }
      if !known.isEmpty { return "release \(known.joined(separator: ","))" }
      return URL(string: repository.url)?.host.map { "origin \"\($0)\"" }
    }
  }

  /// Returns APT's file name for the list at a URL (`URItoFileName` in APT's library).
  static func listName(of url: String) -> String {
    let rest = url.firstRange(of: "://").map { url[$0.upperBound...] } ?? url[...]
    let place = rest.split(separator: "@", maxSplits: 1).last ?? rest
    return place.unicodeScalars.map { scalar in
      if scalar == "/" { return "_" }
      guard "\\|{}[]<>\"^~_=!@#$%^&*".unicodeScalars.contains(scalar) || scalar.value <= 0x20 else {
        return String(scalar)
      }
      return "%" + UInt8(scalar.value).hexadecimal
    }.joined()
  }

  /// Returns the status paragraph of an installed package: the index's paragraph without the fields about the file.
  private static func installed(_ paragraph: String) -> String {
    let dropped = ["Filename:", "Size:", "MD5sum:", "SHA1:", "SHA256:", "SHA512:", "Description-md5:", "APT-Sources:"]
    var lines = paragraph.split(separator: "\n").filter { line in !dropped.contains { line.hasPrefix($0) } }
    if let index = lines.firstIndex(where: { $0.hasPrefix("Package:") }) {
      lines.insert("Status: install ok installed", at: index + 1)
    }
    return lines.joined(separator: "\n")
  }

  private static func without(_ names: [String], _ status: String) -> String {
    status.split(separator: "\n\n", omittingEmptySubsequences: false).map(String.init).filter { paragraph in
      !names.contains { paragraph.hasPrefix("Package: \($0)\n") }
    }.joined(separator: "\n\n")
  }

  /// Returns the status without the version that a package replaces.
  private static func without(_ name: String, _ architecture: String, _ status: String) -> String {
    guard status.hasPrefix("Package: \(name)\n") || status.contains("\n\nPackage: \(name)\n") else { return status }
    return status.split(separator: "\n\n", omittingEmptySubsequences: false).map(String.init).filter { paragraph in
      !(paragraph.hasPrefix("Package: \(name)\n")
        && [architecture, "all"].contains(ControlFile.paragraphs(paragraph).first?["Architecture"]))
    }.joined(separator: "\n\n")
  }

  /// Returns the state of the signed indexes that APT fetched.
  private func releases(in lists: URL) throws -> [String: ReleaseState] {
    var result: [String: ReleaseState] = [:]
    for name in try FolderTree.names(in: lists.path) where name.hasSuffix("InRelease") {
      let file = lists.appending(path: name)
      let text = try String(contentsOf: file, encoding: .utf8)
      func field(_ field: String) -> String? {
        text.split(separator: "\n").first { $0.hasPrefix("\(field): ") }.map { String($0.dropFirst(field.count + 2)) }
      }
      let label = [field("Origin") ?? field("Label"), field("Suite"), field("Codename")].compactMap(\.self)
      result[label.joined(separator: " ")] = ReleaseState(
        date: field("Date").flatMap(ArchiveDate.seconds) ?? 0, sha256: try Digest(ofFile: file.path))
    }
    return result
  }
}

/// The steps of an installation, in order, as APT's simulation prints them.
public struct AptPlan: Sendable, Equatable {
  /// One step for one package.
  public enum Operation: Sendable, Equatable {
    case unpack(name: String, version: String)
    case configure(name: String)
    case remove(name: String)
  }

  public var operations: [Operation] = []

  /// Parses the output of `apt-get --simulate`.
  init(_ text: String) {
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count >= 2 else { continue }
      let name = String(fields[1])
      switch fields[0] {
      case "Inst":
        // `Inst NAME [OLD] (NEW …)`
        guard let version = fields.first(where: { $0.hasPrefix("(") }) else { continue }
        operations.append(.unpack(name: name, version: String(version.dropFirst())))
      case "Conf": operations.append(.configure(name: name))
      case "Remv", "Purg": operations.append(.remove(name: name))
      default: continue
      }
    }
  }

  /// The packages to unpack, as `NAME=VERSION`.
  var installed: [String] {
    operations.compactMap { operation in
      guard case .unpack(let name, let version) = operation else { return nil }
      return "\(name)=\(version)"
    }
  }

  /// Names of the packages to remove.
  var removed: [String] {
    operations.compactMap { operation in
      guard case .remove(let name) = operation else { return nil }
      return name
    }
  }
}

extension String {
  fileprivate var droppingSlash: String { hasSuffix("/") ? String(dropLast()) : self }
}
