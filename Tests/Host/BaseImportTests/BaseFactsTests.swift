import Foundation
import TestFixtures
import Testing

@testable import BaseImport

@Suite("Facts about an imported base")
struct BaseFactsTests {
  private static let status = """
    Package: dpkg
    Status: install ok installed
    Architecture: arm64
    Version: 1.21.22

    Package: linux-image-6.1.0-10-arm64
    Status: install ok installed
    Architecture: arm64
    Version: 6.1.38-1
    Depends: kmod, linux-base, initramfs-tools | linux-initramfs-tool

    Package: linux-image-arm64
    Status: install ok installed
    Architecture: arm64
    Version: 6.1.38-1
    Depends: linux-image-6.1.0-10-arm64 (= 6.1.38-1)

    Package: initramfs-tools
    Status: hold ok installed
    Architecture: all
    Version: 0.142
    Provides: linux-initramfs-tool

    Package: gone
    Status: deinstall ok config-files
    Architecture: all
    Version: 1

    """

  private func facts(
    _ folder: URL, release: String = "ID=debian\nVERSION_CODENAME=bookworm\n", status: String = status
  ) throws -> BaseFacts {
    try folder.writing(release, to: "usr/lib/os-release")
    try folder.writing(status, to: "var/lib/dpkg/status")
    for version in ["6.1.0-9-arm64", "6.1.0-10-arm64", "6.1.0-11-arm64"] {
      try folder.writing("", to: "boot/vmlinuz-\(version)")
      // The last kernel has no modules.
      if !version.contains("11") { try folder.writing("", to: "usr/lib/modules/\(version)/modules.dep") }
    }
    return try BaseFacts(of: folder, image: URL(fileURLWithPath: "/os.img"))
  }

  @Test("The facts include suite, architecture, packages, and the kernels that have modules, newest last")
  func facts() async throws {
    try await withTemporaryFolder { folder in
      let facts = try facts(folder)

      #expect((facts.suite, facts.architecture, facts.makesInitialRAM) == ("bookworm", "arm64", true))
      #expect(
        facts.packages.map(\.name) == ["dpkg", "initramfs-tools", "linux-image-6.1.0-10-arm64", "linux-image-arm64"])
      #expect(
        facts.kernels == [
          .init(version: "6.1.0-9-arm64", packages: []),
          .init(version: "6.1.0-10-arm64", packages: ["linux-image-6.1.0-10-arm64", "linux-image-arm64"]),
        ])
    }
  }

  @Test("Another distribution has a name but no Debian suite")
  func otherDistribution() async throws {
    try await withTemporaryFolder { folder in
      let facts = try facts(folder, release: "ID=gentle\nPRETTY_NAME='Gentle 4'\nVERSION_CODENAME=gull\n")

      #expect(facts.suite == nil)
      #expect(facts.title == "Gentle 4")
    }
  }

  @Test("Links are resolved within the base, never on the host, for its status, kernels and modules")
  func links() async throws {
    try await withTemporaryFolder { folder in
      func link(_ path: String, to target: String, in base: URL) throws {
        try? FileManager.default.removeItem(at: base.appending(path: path))
        try FileManager.default.createSymbolicLink(
          atPath: base.appending(path: path).path, withDestinationPath: target)
      }
      let (one, other) = (folder.appending(path: "one"), folder.appending(path: "other"))
      _ = try facts(one)
      try link("var", to: "/var", in: one)
      _ = try facts(other)
      try link("boot/vmlinuz-6.1.0-10-arm64", to: "/etc/passwd", in: other)
      try link("boot/vmlinuz-6.1.0-12-arm64", to: "../../../../../../etc/passwd", in: other)
      try other.writing("", to: "usr/lib/modules/6.1.0-12-arm64/modules.dep")

      let image = URL(fileURLWithPath: "/os.img")
      let failure = #expect(throws: BaseFailure.self) { _ = try BaseFacts(of: one, image: image) }
      let found = try BaseFacts(of: other, image: image)

      #expect(failure?.reason == .noDebian("its root has no /var/lib/dpkg/status"))
      #expect(found.kernels.map(\.version) == ["6.1.0-9-arm64"])
    }
  }

  @Test("A status file that is a pipe or too large is refused without waiting or reading", .timeLimit(.minutes(10)))
  func status() async throws {
    try await withTemporaryFolder { folder in
      _ = try facts(folder)
      let status = folder.appending(path: "var/lib/dpkg/status").path
      try #require(truncate(status, 1 << 40) == 0)
      let large = #expect(throws: BaseFailure.self) { _ = try BaseFacts(of: folder, image: folder) }
      try #require(unlink(status) == 0 && mkfifo(status, 0o644) == 0)
      let pipe = #expect(throws: BaseFailure.self) { _ = try BaseFacts(of: folder, image: folder) }

      #expect(large?.reason == .noDebian("its /var/lib/dpkg/status cannot be read: File too large"))
      #expect(pipe?.reason == .noDebian("its root has no /var/lib/dpkg/status"))
    }
  }

  @Test("A base whose status lacks dpkg is not Debian")
  func noPackages() async throws {
    try await withTemporaryFolder { folder in
      let failure = #expect(throws: BaseFailure.self) { _ = try facts(folder, status: "Package: a\n") }
      #expect(failure?.reason == .noDebian("dpkg is not among the packages of its /var/lib/dpkg/status"))
    }
  }
}
