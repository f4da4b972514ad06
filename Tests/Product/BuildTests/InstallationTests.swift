import DebianArchive
import Foundation
import HostSystem
import SizeReport
import SystemBuild
import TestFixtures
import Testing

/// Compares the direct installation of packages with dpkg, the reference: the same packages, in the same stages.
///
/// Packages with the most different scripts are always compared. If `CULTIVAR_TEST_LONG` is 1, so are all packages and
/// an upgrade to the next suite, which takes a quarter of an hour.
@Suite("Installing packages", .serialized, .enabled(if: Workshop.isReady, Workshop.condition))
struct InstallationTests {
  private static let isLong = ProcessInfo.processInfo.environment["CULTIVAR_TEST_LONG"] == "1"

  private static let sets =
    isLong
    ? InstalledSample.allSets
    : InstalledSample.allSets.filter { ["minimal", "diversions", "ssh"].contains($0.name) }

  @Test(
    "Direct installation makes the same tree as dpkg, except for a short list, and APT can change it later",
    arguments: isLong ? ["bookworm", "trixie"] : ["trixie"])
  func equality(suite: String) async throws {
    try await Cache(at: Workshop.cache).withScratch { folder in
      let sample = InstalledSample(suite: suite, sets: Self.sets)
      let archives = try await sample.archives(in: folder)
      let newer = ["dash", "iproute2", "mawk"] + (Self.isLong ? ["shared-mime-info"] : [])
      let changes = try LaterChanges(archives: archives, newer: newer, in: folder.appending(path: "repository"))
      let direct = try await sample.installed(by: .direct, in: folder) { root in
        #expect(try await root.asked("dpkg --audit; dpkg --verify") == "")
        try await changes.expectSound(in: root)
        return (entries: try await root.allEntries(), accounts: try await root.asked(Self.accounts))
      }
      let reference = try await sample.installed(by: .dpkg, in: folder) { root in
        (entries: try await root.allEntries(), accounts: try await root.asked(Self.accounts))
      }
      #expect(direct.accounts == reference.accounts)

      let known = InstalledSample.explained
      let (found, expected) = (Self.described(direct.entries), Self.described(reference.entries))
      for path in Set(found.keys).union(expected.keys).sorted() where !known.contains(where: path.hasPrefix) {
        #expect(found[path] == expected[path], "\(path)")
      }
      #expect(found.count > 5_000)
    }
  }

  @Test("A tree from a direct installation is upgraded to the next suite", .enabled(if: isLong))
  func nextSuite() async throws {
    try await Cache(at: Workshop.cache).withScratch { folder in
      let mirror = Mirror.choose(
        project: (nil, nil), environment: ProcessInfo.processInfo.environment, aptSources: Mirror.hostAptSources())
      let sample = InstalledSample(suite: "bookworm", sets: Self.sets.filter { $0.name != "containers" })
      let answer = try await sample.installed(by: .direct, in: folder) { root in
        try await root.asked(
          """
          echo 'deb \(mirror.main) trixie main' > /etc/apt/sources.list
          echo 'APT::Sandbox::User "root";' > /etc/apt/apt.conf.d/90test
          { apt-get -q update && apt-get -q -y -o Dpkg::Options::=--force-confnew dist-upgrade; } >&2
          dpkg --audit
          dpkg --verify
          . /etc/os-release; echo $VERSION_CODENAME
          # Settings of packages that were removed with the old suite may stay.
          dpkg-query --show --showformat '${db:Status-Status}\\n' | grep -v '^config-files$' | sort -u
          """, network: true)
      }
      #expect(answer == "trixie\ninstalled\n")
    }
  }

  @Test("A package replaces one that others depend on")
  func replacement() async throws {
    try await LibrarySystem.judged(
      "packages: { install: [initramfs-tools], remove: [cultivar-initramfs] }", suite: "trixie"
    ) { root in
      root.expect("dpkg --audit", "")
      root.expect("dpkg-query --show --showformat '${Status}\\n' initramfs-tools", "install ok installed\n")
      root.expect("dpkg-query --show cultivar-initramfs 2>/dev/null", "")
    }
  }

  /// Prints users and groups in a fixed order.
  private static let accounts = "for name in passwd group shadow gshadow; do sort /etc/$name; done"

  private static func described(_ entries: [ContentsListing.Entry]) -> [String: String] {
    Dictionary(
      entries.map { entry in
        let content = entry.sha256?.text ?? entry.target ?? ""
        return (entry.path, "\(entry.kind) \(entry.mode) \(entry.owner) \(content)")
      }
    ) { first, _ in first }
  }
}
