import Foundation
import HostSystem
import Lock
import TestFixtures
import Testing

@testable import DebianArchive

/// Archives of the test's own, signed with keys that were made for it.
@Suite("Keys of repositories")
struct RepositoryTrustTests {
  /// A folder with keys, and archives that they sign.
  private struct Workplace {
    var folder: URL
    var keys: URL { folder.appending(path: "gnupg") }

    init(_ folder: URL) throws {
      self.folder = folder
      try FolderTree.create(folder.appending(path: "gnupg").path)
      chmod(folder.appending(path: "gnupg").path, 0o700)
    }

    private func gpg(_ arguments: [String]) throws {
      let verdict = try Judge("gpg").run(
        ["--homedir", keys.path, "--batch", "--yes"] + arguments)
      try #require(verdict.status == 0, "\(verdict.errors)")
    }

    /// Makes a key, and gives the file of its public part.
    func key(_ name: String, madeIn year: Int = 2024, for time: String = "never") throws -> URL {
      try gpg(
        [
          "--faked-system-time", "\(year)0102T000000", "--passphrase", "", "--quick-gen-key", name, "ed25519", "sign",
          time,
        ])
      let file = folder.appending(path: "\(name).gpg")
      try gpg(["--output", file.path, "--export", name])
      return file
    }

    /// Writes an index with its signature.
    func sign(_ release: String, by key: String, in year: Int = 2024, to path: String) throws {
      let plain = try folder.writing(release, to: "\(path)/Release")
      try gpg(
        [
          "--faked-system-time", "\(year)0102T010000", "--local-user", key, "--passphrase", "", "--clearsign",
          "--output",
          folder.appending(path: "\(path)/InRelease").path, plain.path,
        ])
      try FileManager.default.removeItem(at: plain)
    }

    /// Makes an archive like Debian's, without packages.
    func debian(signedBy key: String) throws -> Mirror {
      let components = ["main", "contrib", "non-free", "non-free-firmware"]
      for suite in ["trixie", "trixie-updates", "trixie-security"] {
        var release = """
          Origin: Debian
          Suite: \(suite)
          Codename: \(suite)
          Date: Tue, 02 Jan 2024 00:00:00 UTC
          Architectures: amd64
          Components: \(components.joined(separator: " "))
          SHA256:

          """
        for component in components {
          let path = "\(component)/binary-amd64/Packages"
          try folder.writing("", to: "debian/dists/\(suite)/\(path)")
          release += " \(ContentHash(of: "")) 0 \(path)\n"
        }
        try sign(release, by: key, to: "debian/dists/\(suite)")
      }
      let url = "file:\(folder.path)/debian"
      return Mirror(main: url, security: url)
    }

    /// Makes a flat archive with one package, `tool`.
    func repository(signedBy key: String, in year: Int = 2024) throws -> String {
      let hash = ContentHash(of: "tool")
      let index = """
        Package: tool
        Version: 1.0
        Architecture: amd64
        Maintainer: T <t@example.org>
        Filename: ./tool.deb
        Size: 4
        SHA256: \(hash)
        Description: x

        """
      try folder.writing("tool", to: "flat/tool.deb")
      try folder.writing(index, to: "flat/Packages")
      try sign(
        "Origin: Tools\nSuite: tools\nDate: Tue, 02 Jan 2024 00:00:00 UTC\nSHA256:\n \(ContentHash(of: index)) \(index.utf8.count) Packages\n",
        by: key, in: year, to: "flat")
      return "file:\(folder.path)/flat"
    }
  }

  private func resolve(_ place: Workplace, mirror: Mirror, url: String, keyring: URL, key: URL) async throws
    -> [[DebianPackage]]
  {
    let cache = try Cache(at: place.folder.appending(path: "cache"))
    let repository = RepositorySource(
      name: "tools", url: url, suites: ["./"], components: [], key: key.path,
      keyHash: try ContentHash(ofFile: key.path),
      priority: nil, priorityPackages: [])
    let request = InstallationRequest(
      suite: "trixie", architecture: "amd64", stages: [InstallationRequest.Stage(packages: ["tool"])],
      repositories: [repository])
    return try await AptResolver(cache: cache, mirror: mirror, keyring: keyring.path).resolve(
      request, buildPackages: try await BuildPackages(cache: cache)
    ).stages
  }

  @Test("A repository that is signed with the key that its layer names gives its packages")
  func known() async throws {
    try await withTemporaryFolder { folder in
      let place = try Workplace(folder)
      let (debian, tools) = (try place.key("debian"), try place.key("tools"))
      let stages = try await resolve(
        place, mirror: try place.debian(signedBy: "debian"), url: try place.repository(signedBy: "tools"),
        keyring: debian,
        key: tools)
      #expect(stages.map { $0.map(\.name) } == [["tool"]])
    }
  }

  @Test("A repository that is signed with another key is refused by its name, with the file to replace")
  func unknown() async throws {
    try await withTemporaryFolder { folder in
      let place = try Workplace(folder)
      let (debian, tools) = (try place.key("debian"), try place.key("tools"))
      _ = try place.key("stranger")
      let url = try place.repository(signedBy: "stranger")
      let mirror = try place.debian(signedBy: "debian")
      let failure = await #expect(throws: ArchiveFailure.self) {
        _ = try await resolve(place, mirror: mirror, url: url, keyring: debian, key: tools)
      }
      let problem = failure?.problem ?? ""
      #expect(problem.hasPrefix("cannot trust the repository tools (\(url)): it is signed with the key"), "\(problem)")
      #expect(problem.contains("which \(tools.path) does not have\n"), "\(problem)")
      #expect(failure?.remedy?.hasSuffix("put it in place of \(tools.path)") == true)
    }
  }

  @Test("A repository whose key has expired is refused by its name, and so is it said")
  func expired() async throws {
    try await withTemporaryFolder { folder in
      let place = try Workplace(folder)
      let (debian, tools) = (try place.key("debian"), try place.key("tools", madeIn: 2020, for: "1m"))
      let url = try place.repository(signedBy: "tools", in: 2020)
      let mirror = try place.debian(signedBy: "debian")
      let failure = await #expect(throws: ArchiveFailure.self) {
        _ = try await resolve(place, mirror: mirror, url: url, keyring: debian, key: tools)
      }
      let problem = failure?.problem ?? ""
      #expect(problem.hasPrefix("cannot trust the repository tools (\(url)): the key"), "\(problem)")
      #expect(problem.contains("has expired\n"), "\(problem)")
    }
  }

  @Test("Where Debian's own key is too old, the package with the keys is named")
  func debianKey() async throws {
    try await withTemporaryFolder { folder in
      let place = try Workplace(folder)
      let (old, tools) = (try place.key("old"), try place.key("tools"))
      _ = try place.key("debian")
      let (mirror, url) = (try place.debian(signedBy: "debian"), try place.repository(signedBy: "tools"))
      let failure = await #expect(throws: ArchiveFailure.self) {
        _ = try await resolve(place, mirror: mirror, url: url, keyring: old, key: tools)
      }
      #expect(failure?.problem.hasPrefix("cannot trust the repository debian (\(mirror.main)): ") == true)
      #expect(failure?.remedy == "update the package debian-archive-keyring")
    }
  }
}
