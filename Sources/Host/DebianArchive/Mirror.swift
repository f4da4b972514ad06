import FoundationEssentials
import Lock

/// The URLs of a Debian archive and of its security archive.
public struct Mirror: Sendable, Equatable {
  /// URL of the archive: the folder that holds `dists` and `pool`.
  public var main: String
  /// URL of the security archive.
  public var security: String

  /// Debian's official archives, used if no other mirror is configured.
  public static let official = Mirror(
    main: "http://ftp.debian.org/debian", security: "http://security.debian.org/debian-security")

  public init(main: String, security: String) {
    self.main = main
    self.security = security
  }

  /// Chooses a mirror.
  ///
  /// The order is: the project's mirror, `CULTIVAR_DEBIAN_MIRROR`, the build host's APT sources, the official mirror.
  ///
  /// - Parameters:
  ///   - project: The project's mirror and security mirror, if it names them.
  ///   - environment: Environment variables of the build (`CULTIVAR_DEBIAN_MIRROR`, `CULTIVAR_DEBIAN_SECURITY_MIRROR`).
  ///   - aptSources: Content of the build host's APT source files, by path.
  public static func choose(
    project: (main: String?, security: String?), environment: [String: String], aptSources: [String: String]
  ) -> Mirror {
    let host = HostAptSources(files: aptSources)
    func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    let main = project.main ?? variable("CULTIVAR_DEBIAN_MIRROR") ?? host.main ?? official.main
    // A mirror without a security mirror implies the security archive beside it: another one may be of another day.
    let security =
      project.security ?? variable("CULTIVAR_DEBIAN_SECURITY_MIRROR") ?? project.main.flatMap(Self.securityArchive)
      ?? variable("CULTIVAR_DEBIAN_MIRROR").flatMap(Self.securityArchive) ?? host.security ?? official.security
    return Mirror(main: trimmed(main), security: trimmed(security))
  }

  /// Returns the URL of the security archive beside an archive: `…/debian-security` for `…/debian`.
  ///
  /// Many mirrors and snapshots have this layout. The result is `nil` if the URL has no `debian` component. Debian's
  /// country mirrors (`ftp.*.debian.org`) have no security archive beside them and get the official one.
  private static func securityArchive(of main: String) -> String? {
    var parts = main.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard let index = parts.lastIndex(of: "debian"), index > 2 else { return nil }
    if parts[2].hasPrefix("ftp."), parts[2].hasSuffix(".debian.org") { return official.security }
    parts[index] = "debian-security"
    return parts.joined(separator: "/")
  }

  private static func trimmed(_ url: String) -> String {
    url.hasSuffix("/") ? String(url.dropLast()) : url
  }
}

/// The Debian archives in the build host's own APT sources.
struct HostAptSources {
  private(set) var main: String?
  private(set) var security: String?

  /// Reads source files in both forms, one-line (`.list`) and deb822 (`.sources`), in the order of their names.
  init(files: [String: String]) {
    for (name, text) in files.sorted(by: { $0.key < $1.key }) {
      let entries = name.hasSuffix(".sources") ? Self.deb822(text) : Self.oneLine(text)
      for entry in entries where entry.components.contains("main") { note(entry) }
    }
  }

  /// Returns the build host's source files by path.
  static func read() -> [String: String] {
    var files: [String: String] = [:]
    let folder = "/etc/apt/sources.list.d"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let paths = ["/etc/apt/sources.list"] + names.map { "\(folder)/\($0)" }
    for path in paths where path.hasSuffix(".list") || path.hasSuffix(".sources") {
      files[path] = try? String(contentsOfFile: path, encoding: .utf8)
    }
    return files
  }

  private struct Entry {
    var url: String
    var suite: String
    var components: [String]
  }

  private mutating func note(_ entry: Entry) {
    let parts = entry.suite.split(separator: "-", maxSplits: 1)
    // Only suites by Debian's names count: a derivative's archive has other packages under other keys.
    guard let base = parts.first, DebianSuites.names.contains(String(base)), entry.url.hasPrefix("http") else { return }
    if parts.count == 2, parts[1] == "security" {
      if security == nil { security = entry.url }
    } else if main == nil {
      main = entry.url
    }
  }

  private static func oneLine(_ text: String) -> [Entry] {
    text.split(separator: "\n").compactMap { line in
      var fields = line.split(whereSeparator: \.isWhitespace).map(String.init)
      guard fields.first == "deb" else { return nil }
      fields.removeFirst()
      if fields.first?.hasPrefix("[") == true {
        while let field = fields.first {
          fields.removeFirst()
          if field.hasSuffix("]") { break }
        }
      }
      guard fields.count >= 3 else { return nil }
      return Entry(url: fields[0], suite: fields[1], components: Array(fields[2...]))
    }
  }

  private static func deb822(_ text: String) -> [Entry] {
    ControlFile.paragraphs(text).flatMap { paragraph -> [Entry] in
      let types = words(paragraph["Types"])
      guard types.contains("deb"), !isOff(paragraph["Enabled"]) else { return [] }
      return words(paragraph["URIs"]).flatMap { url in
        words(paragraph["Suites"]).map {
          Entry(url: url, suite: $0, components: words(paragraph["Components"]))
        }
      }
    }
  }

  /// Returns true if the text is one of APT's words for a switch that is off.
  private static func isOff(_ text: String?) -> Bool {
    ["no", "false", "without", "off", "disable", "0"].contains(text?.lowercased())
  }

  private static func words(_ text: String?) -> [String] {
    (text ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
  }
}

extension Mirror {
  /// Returns the build host's APT source files by path, for ``choose(project:environment:aptSources:)``.
  public static func hostAptSources() -> [String: String] { HostAptSources.read() }
}

extension Mirror {
  /// Refuses URLs that contain a user or a password.
  ///
  /// The URLs become arguments of programs, and every user of the machine can see those.
  ///
  /// - Throws: ``ArchiveFailure/credentialsInURL(host:)``.
  func refuseCredentials() throws(ArchiveFailure) {
    for url in [main, security] {
      guard let scheme = url.firstRange(of: "://") else { continue }
      let authority = url[scheme.upperBound...].prefix { !"/?#".contains($0) }
      if let at = authority.lastIndex(of: "@") {
        throw .credentialsInURL(host: String(authority[authority.index(after: at)...]))
      }
    }
  }

  /// Returns the URL of a package.
  ///
  /// - Parameter repository: URL of the layer's repository that has the package; `nil` for Debian's own packages.
  func url(of package: DebianPackage, repository: String? = nil) -> String {
    if package.archive == .security { return "\(security)/\(package.path)" }
    guard let repository else { return "\(main)/\(package.path)" }
    // For `file:`, APT uses the file in place. For `copy:`, it makes a copy.
    let local = repository.hasPrefix("file:") ? "copy:" + repository.dropFirst("file:".count) : repository
    return "\(Self.trimmed(local))/\(package.path)"
  }
}
