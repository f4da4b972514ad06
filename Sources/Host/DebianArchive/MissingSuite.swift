import DebianPackages
import Spelling

/// Suites by Debian's own names.
enum DebianSuites {
  /// Code names, and the names of their roles.
  static let names = [
    "bullseye", "bookworm", "trixie", "forky", "duke", "sid", "stable", "testing", "unstable", "oldstable",
  ]
  /// Suites that add to others.
  static let additions =
    ["bullseye", "bookworm", "trixie", "forky", "stable"].map { "\($0)-backports" } + ["experimental"]
}

/// A suite that an archive does not have.
public struct MissingSuite: Sendable, Equatable {
  /// Name, as it was written.
  public var suite: String
  /// URL of the archive.
  public var url: String
  /// Name of the layer's repository that it is; `nil` for Debian's own archive.
  public var repository: String?

  /// Looks in APT's complaints for a suite without an index.
  ///
  /// - Parameters:
  ///   - said: Output of `apt-get update`.
  ///   - suite: The suite that was asked for. Its pockets (`-updates`, `-security`) are nobody's spelling.
  ///   - mirror: URL of Debian's archive.
  init?(in said: String, suite: String, mirror: String, repositories: [PackageRepository<String>]) {
    func isMissing(_ suite: String, at url: String) -> Bool {
      let place = url.last == "/" ? String(url.dropLast()) : url
      return said.contains("The repository '\(place) \(suite) Release' does not have a Release file")
        || said.contains("The repository '\(place)/ \(suite) Release' does not have a Release file")
    }
    for repository in repositories {
      guard let missing = repository.suites.first(where: { isMissing($0, at: repository.url) }) else { continue }
      (self.suite, url, self.repository) = (missing, repository.url, repository.name)
      return
    }
    let (ground, addition) = AptResolver.ground(of: suite)
    guard [ground, addition].compactMap(\.self).contains(where: { isMissing($0, at: mirror) }) else { return nil }
    (self.suite, url) = (suite, mirror)
  }

  /// True for names with the same first four letters. Names of suites are short, and no two of them begin alike.
  private func beginsAlike(_ name: String) -> Bool { suite.count > 4 && name.hasPrefix(suite.prefix(4)) }

  /// The message.
  public var problem: String { "the archive \(url) has no suite '\(suite)'" }

  /// The remedy.
  public var remedy: String {
    if let repository { return "check 'suites' and 'url' of the repository '\(repository)'" }
    let known = DebianSuites.names + DebianSuites.additions
    guard !known.contains(suite) else { return "name another mirror that has it (`debian: { mirror: … }`)" }
    return (NearestName.nearest(to: suite, among: known) ?? known.first { beginsAlike($0) }).map {
      "did you mean '\($0)'?"
    }
      ?? "Debian's suites are \(DebianSuites.names.joined(separator: ", "))"
  }
}
