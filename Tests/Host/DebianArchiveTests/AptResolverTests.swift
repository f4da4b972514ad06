import DebianPackages
import Foundation
import Hashing
import HostSystem
import Lock
import TestFixtures
import Testing

@testable import DebianArchive

@Suite("APT as the resolver of packages, without a network")
struct AptResolverTests {
  private let request = PackageRequest(["hello"], scope: .named, suite: "trixie", architecture: "amd64")
  /// A mirror that does not answer: the discard port of this machine.
  private let nowhere = Mirror(main: "http://127.0.0.1:9/debian", security: "http://127.0.0.1:9/security")

  @Test("Without the archive's keyring nothing is fetched, and the error names its package")
  func noKeyring() async throws {
    try await withTemporaryFolder { folder in
      let resolver = AptResolver(cache: try Cache(at: folder), mirror: nowhere, keyring: "/no/keyring.gpg")
      let failure = await #expect(throws: ArchiveFailure.self) { _ = try await resolver.resolve([request]) }
      #expect(
        failure?.description == """
          cannot check the Debian archive's signatures: there is no /no/keyring.gpg
            install the package debian-archive-keyring
          """)
    }
  }

  @Test("An unreachable mirror is an error with APT's own message and advice")
  func unreachable() async throws {
    try await withTemporaryFolder { folder in
      let keyring = try folder.writing("", to: "keyring.gpg")
      let resolver = AptResolver(cache: try Cache(at: folder), mirror: nowhere, keyring: keyring.path)
      let failure = await #expect(throws: ArchiveFailure.self) { _ = try await resolver.resolve([request]) }
      #expect(
        failure?.problem.hasPrefix("cannot fetch the package index of trixie: cannot reach 127.0.0.1:9\n") == true)
      // Words for no connection, once each, however many files there are.
      #expect((failure?.problem.split(separator: "\n").count ?? 9) <= 3, "\(failure?.problem ?? "")")
      #expect(failure?.remedy?.contains("CULTIVAR_DEBIAN_MIRROR") == true)
    }
  }

  @Test(
    "A suite that the archive does not have is named, with the nearest one that Debian has",
    arguments: [("trixy", "did you mean 'trixie'?"), ("trixie-backprots", "did you mean 'trixie-backports'?")])
  func noSuchSuite(suite: String, remedy: String) async throws {
    try await withTemporaryFolder { folder in
      let server = try LoopbackServer(in: folder.appending(path: "server"))
      let keyring = try folder.writing("", to: "keyring.gpg")
      let resolver = AptResolver(
        cache: try Cache(at: folder), mirror: Mirror(main: server.url, security: server.url), keyring: keyring.path)
      var request = request
      request.suite = suite
      let failure = await #expect(throws: ArchiveFailure.self) { _ = try await resolver.resolve([request]) }
      #expect(failure?.description == "the archive \(server.url) has no suite '\(suite)'\n  \(remedy)")
    }
  }

  @Test("A suite of a layer's repository that is not there is told apart from Debian's own")
  func noSuchSuiteOfRepository() {
    let vendor = PackageRepository(
      name: "vendor", url: "https://packages.example.org/debian", suites: ["stable", "stabel"], components: ["main"],
      key: URL(fileURLWithPath: "/key"))
    let said = "E: The repository 'https://packages.example.org/debian stabel Release' does not have a Release file."
    let missing = MissingSuite(
      in: said, suite: "trixie", mirror: "http://ftp.debian.org/debian", repositories: [vendor])
    #expect(missing?.repository == "vendor" && missing?.suite == "stabel")
    // A pocket is nobody's spelling.
    let pocket = "E: The repository 'http://ftp.debian.org/debian duke-updates Release' does not have a Release file."
    #expect(MissingSuite(in: pocket, suite: "duke", mirror: "http://ftp.debian.org/debian", repositories: []) == nil)
  }

  @Test(
    "A suite that extends another one is requested together with it, and its packages are preferred",
    arguments: [
      ("trixie", "Suites: trixie trixie-updates", "Suites: trixie-security", nil),
      (
        "trixie-backports", "Suites: trixie trixie-backports trixie-updates", "Suites: trixie-security",
        "trixie-backports"
      ),
      ("sid", "Suites: sid", nil, nil), ("experimental", "Suites: sid experimental", nil, "experimental"),
    ] as [(String, String, String?, String?)])
  func additions(suite: String, main: String, security: String?, preferred: String?) async throws {
    try await withTemporaryFolder { folder in
      let keyring = try folder.writing("", to: "keyring.gpg")
      let resolver = AptResolver(cache: try Cache(at: folder), mirror: nowhere, keyring: keyring.path)

      let settings = try resolver.writeSettings(
        in: folder.appending(path: "apt"), suite: suite, architecture: "amd64")

      let sources = try folder.text("apt/etc/cultivar.sources").split(separator: "\n").filter {
        $0.hasPrefix("Suites: ")
      }
      #expect(sources.map(String.init) == [main, security].compactMap(\.self))
      let text = try String(contentsOf: settings, encoding: .utf8)
      #expect(text.contains("APT::Default-Release") == (preferred != nil))
      if let preferred { #expect(text.hasPrefix("APT::Default-Release \"\(preferred)\";\n")) }
      // The build host's credentials for archive servers.
      #expect(text.contains("Dir::Etc::netrcparts \"/etc/apt/auth.conf.d\";"))
    }
  }

  /// Makes an archive for `sid` with the package `hello`, whose signed index has expired. Returns its server and its
  /// keyring.
  private func expiredArchive(in folder: URL) throws -> (server: LoopbackServer, keyring: URL) {
    let server = try LoopbackServer(in: folder.appending(path: "server"))
    let keys = folder.appending(path: "gnupg").path
    try FileManager.default.createDirectory(
      atPath: keys, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    func gpg(_ arguments: [String]) throws {
      let verdict = try Judge("gpg").run(["--homedir", keys, "--batch", "--yes", "--passphrase", ""] + arguments)
      try #require(verdict.status == 0, "\(verdict.errors)")
    }
    let keyring = folder.appending(path: "key.asc")
    try gpg(["--quick-gen-key", "archive", "ed25519", "sign", "never"])
    try gpg(["--armor", "--output", keyring.path, "--export", "archive"])
    var release = """
      Origin: Debian
      Suite: unstable
      Codename: sid
      Date: Tue, 02 Jan 2024 00:00:00 UTC
      Valid-Until: Tue, 09 Jan 2024 00:00:00 UTC
      Architectures: amd64
      Components: main contrib non-free non-free-firmware
      SHA256:

      """
    for component in ["main", "contrib", "non-free", "non-free-firmware"] {
      let hello = """
        Package: hello
        Version: 1.0
        Architecture: amd64
        Filename: pool/hello.deb
        Size: 1
        SHA256: \(Digest(of: "hello"))

        """
      let index = component == "main" ? hello : ""
      let path = "\(component)/binary-amd64/Packages"
      try server.site.writing(index, to: "dists/sid/\(path)")
      release += " \(Digest(of: index)) \(index.utf8.count) \(path)\n"
    }
    let plain = try folder.writing(release, to: "Release")
    let signed = server.site.appending(path: "dists/sid/InRelease").path
    try gpg(["--local-user", "archive", "--output", signed, "--clearsign", plain.path])
    return (server, keyring)
  }

  @Test("An expired index is refused, unless the caller allows it")
  func expired() async throws {
    try await withTemporaryFolder { folder in
      let (server, keyring) = try expiredArchive(in: folder)
      let request = PackageRequest(["hello"], scope: .closure, suite: "sid", architecture: "amd64")
      var resolver = AptResolver(
        cache: try Cache(at: folder.appending(path: "cache")), mirror: Mirror(main: server.url, security: server.url),
        keyring: keyring.path)
      let failure = await #expect(throws: ArchiveFailure.self) { _ = try await resolver.resolve([request]) }
      #expect(failure?.problem.hasPrefix("the package index of sid has expired\n") == true)
      resolver.acceptsExpiredIndex = true
      let found = try await resolver.resolve([request]).packages[request]
      #expect(found?.map(\.label) == ["hello_1.0_amd64"])
    }
  }
}
