import DebianPackages
import Foundation
import Hashing
import HostSystem
import Lock
import TestFixtures
import Testing

@testable import DebianArchive

@Suite("Pins of repositories")
struct PinTests {
  private func repository(_ url: String, _ suite: String, packages: [String] = []) -> RepositorySource {
    RepositorySource(
      PackageRepository(
        name: "more", url: url, suites: [suite], components: ["main"], key: URL(fileURLWithPath: "/key"),
        pin: RepositoryPin(priority: 990, packages: packages)),
      keyHash: Digest(of: "key"))
  }

  private func preferences(_ repository: RepositorySource, lists: URL) -> String {
    let request = InstallationRequest(
      suite: "trixie", architecture: "amd64", stages: [], excluded: [], repositories: [repository], base: nil)
    return AptResolver.preferences(request, keeping: [:], lists: lists)
  }

  @Test("A pin applies only to the archive that its index describes, not to others on the same host")
  func release() async throws {
    try await withTemporaryFolder { folder in
      try folder.writing(
        "Origin: Debian Backports\nLabel: Debian Backports\nSuite: stable-backports\nCodename: trixie-backports\n",
        to: "deb.example.org_debian_dists_trixie-backports_InRelease")

      let text = preferences(
        repository("http://deb.example.org/debian/", "trixie-backports", packages: ["linux-image-amd64"]), lists: folder
      )

      #expect(
        text == """
          Package: linux-image-amd64
          Pin: release o=Debian Backports,a=stable-backports,n=trixie-backports,l=Debian Backports
          Pin-Priority: 990


          """)
    }
  }

  @Test("An archive without a description is pinned by its host")
  func silent() async throws {
    try await withTemporaryFolder { folder in
      let text = preferences(repository("http://deb.example.org/x", "./"), lists: folder)
      #expect(text.contains("Pin: origin \"deb.example.org\"\n"))
    }
  }

  @Test("A list has the name that APT gives it")
  func names() {
    #expect(AptResolver.listName(of: "http://h.example/a_b/~c/InRelease") == "h.example_a%5fb_%7ec_InRelease")
    #expect(AptResolver.listName(of: "file:///srv/repo/./InRelease") == "_srv_repo_._InRelease")
    #expect(AptResolver.listName(of: "https://u:p@h.example/d/InRelease") == "h.example_d_InRelease")
  }
}
