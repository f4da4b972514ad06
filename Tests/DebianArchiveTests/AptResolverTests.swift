import Foundation
import HostSystem
import Lock
import TestFixtures
import Testing

@testable import DebianArchive

@Suite("APT as the resolver of packages, without a network")
struct AptResolverTests {
  private let request = PackageRequest(["hello"], scope: .named, suite: "trixie", architecture: "amd64")
  /// Nothing answers on the discard port of the machine itself.
  private let nowhere = Mirror(main: "http://127.0.0.1:9/debian", security: "http://127.0.0.1:9/security")

  @Test("Without the archive's keyring nothing is fetched, and the package with it is named")
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

  @Test("A mirror that cannot be reached is an error with APT's own words and what to check")
  func unreachable() async throws {
    try await withTemporaryFolder { folder in
      let keyring = try folder.writing("", to: "keyring.gpg")
      let resolver = AptResolver(cache: try Cache(at: folder), mirror: nowhere, keyring: keyring.path)
      let failure = await #expect(throws: ArchiveFailure.self) { _ = try await resolver.resolve([request]) }
      #expect(failure?.problem.hasPrefix("cannot fetch the package index of trixie\n") == true)
      #expect(failure?.problem.contains("127.0.0.1:9") == true)
      #expect(failure?.remedy?.contains("CULTIVAR_DEBIAN_MIRROR") == true)
    }
  }
}
