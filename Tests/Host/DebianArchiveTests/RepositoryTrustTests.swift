import DebianPackages
import Foundation
import Hashing
import HostSystem
import Lock
import TestFixtures
import Testing

@testable import DebianArchive

@Suite("Keys of repositories")
struct RepositoryTrustTests {
  /// A folder with keys, and archives signed with them.
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

    /// Makes a key, and returns the file of its public part.
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

    /// Writes an index and its signature.
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
    func debian(signedBy key: String, packages index: String = "") throws -> Mirror {
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
          try folder.writing(index, to: "debian/dists/\(suite)/\(path)")
          release += " \(Digest(of: index)) \(index.utf8.count) \(path)\n"
        }
        try sign(release, by: key, to: "debian/dists/\(suite)")
      }
      let url = "file:\(folder.path)/debian"
      return Mirror(main: url, security: url)
    }

    /// Makes a flat archive. The file of every package is the same four bytes.
    ///
    /// - Parameter packages: The first lines of each package's paragraph.
    func repository(
      signedBy key: String, in year: Int = 2024, packages: [String] = ["Package: tool\nVersion: 1.0"]
    ) throws -> String {
      let index = packages.map { package in
        """
        \(package)
        Architecture: amd64
        Maintainer: T <t@example.org>
        Filename: ./tool.deb
        Size: 4
        SHA256: \(Digest(of: "tool"))
        Description: x

        """
      }.joined(separator: "\n")
      try folder.writing("tool", to: "flat/tool.deb")
      try folder.writing(index, to: "flat/Packages")
      try sign(
        "Origin: Tools\nSuite: tools\nDate: Tue, 02 Jan 2024 00:00:00 UTC\nSHA256:\n \(Digest(of: index)) \(index.utf8.count) Packages\n",
        by: key, in: year, to: "flat")
      return "file:\(folder.path)/flat"
    }
  }

  private func resolve(
    _ place: Workplace, mirror: Mirror, url: String, keyring: URL, key: URL, keeping versions: [String: String] = [:]
  ) async throws -> [[DebianPackage]] {
    let cache = try Cache(at: place.folder.appending(path: "cache"))
    let repository = RepositorySource(
      PackageRepository(name: "tools", url: url, suites: ["./"], components: [], key: key),
      keyHash: try Digest(ofFile: key.path))
    let request = InstallationRequest(
      suite: "trixie", architecture: "amd64",
      stages: [InstallationRequest.Stage(packages: [PackageWish(name: "tool")])],
      repositories: [repository])
    return try await AptResolver(cache: cache, mirror: mirror, keyring: keyring.path).resolve(
      request, keeping: versions, buildPackages: try await BuildPackages(cache: cache)
    ).stages
  }

  @Test("A repository signed with the key that its layer names provides its packages")
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

  @Test("Lists that are still the newest are not fetched again, and are refused where their key no longer counts")
  func kept() async throws {
    try await withTemporaryFolder { folder in
      let server = try LoopbackServer(in: folder.appending(path: "server"))
      let place = try Workplace(folder)
      let (debian, tools) = (try place.key("debian"), try place.key("tools"))
      _ = try place.debian(
        signedBy: "debian",
        packages: "Package: other\nVersion: 1\nArchitecture: amd64\nFilename: o.deb\nSize: 1\nSHA256: 0\n\n")
      try FileManager.default.moveItem(
        at: folder.appending(path: "debian"), to: server.site.appending(path: "debian"))
      let mirror = Mirror(main: "\(server.url)/debian", security: "\(server.url)/debian")
      let url = try place.repository(signedBy: "tools")
      let first = try await resolve(place, mirror: mirror, url: url, keyring: debian, key: tools)
      #expect(try server.requests().contains { $0.hasSuffix("/Packages") })
      try server.restart()

      #expect(try await resolve(place, mirror: mirror, url: url, keyring: debian, key: tools) == first)
      #expect(try server.requests().allSatisfy { $0.hasSuffix("/InRelease") })

      let stranger = try place.key("stranger")
      try FileManager.default.removeItem(at: debian)
      try FileManager.default.copyItem(at: stranger, to: debian)
      await #expect(throws: ArchiveFailure.self) {
        _ = try await resolve(place, mirror: mirror, url: url, keyring: debian, key: tools)
      }
    }
  }

  @Test("A repository signed with another key is refused by name, with the key file to replace")
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
      #expect(problem.contains("which is not in \(tools.path)\n"), "\(problem)")
      #expect(failure?.remedy?.hasSuffix("replace \(tools.path) with it") == true)
    }
  }

  @Test("A repository whose key has expired is refused by name, with that reason")
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

  @Test("If Debian's own key is too old, the error names the package with the keys")
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

  @Test(
    "A locked version stays, unless the archive no longer has it or a new package needs another one",
    arguments: [
      (["tool": "1.0", "other": "1.0"], ["other": "1.0", "tool": "1.0"]),
      (["tool": "1.0"], ["other": "2.0", "tool": "1.0"]),
      (["other": "1.0"], ["other": "2.0", "tool": "2.0"]),
      (["tool": "0.9"], ["other": "2.0", "tool": "2.0"]),
    ])
  func kept(versions: [String: String], found: [String: String]) async throws {
    try await withTemporaryFolder { folder in
      let place = try Workplace(folder)
      let (debian, tools) = (try place.key("debian"), try place.key("tools"))
      let url = try place.repository(
        signedBy: "tools",
        packages: [
          "Package: tool\nVersion: 1.0\nDepends: other", "Package: tool\nVersion: 2.0\nDepends: other (>= 2.0)",
          "Package: other\nVersion: 1.0", "Package: other\nVersion: 2.0",
        ])
      let stages = try await resolve(
        place, mirror: try place.debian(signedBy: "debian"), url: url, keyring: debian, key: tools, keeping: versions)
      #expect(Dictionary(stages.flatMap(\.self).map { ($0.name, $0.version) }) { $1 } == found)
    }
  }
}
