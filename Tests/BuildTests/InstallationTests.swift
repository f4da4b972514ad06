import DebianArchive
import Foundation
import HostSystem
import Lock
import Project
import SizeReport
import SystemBuild
import TestFixtures
import Testing

@testable import ImageBuild

/// The direct way of installing packages against dpkg, the reference: the same packages, in the same stages.
@Suite("Installing packages", .enabled(if: Workshop.isReady, Workshop.condition))
struct InstallationTests {
  /// Sets of packages, each a stage upon the ones before.
  private static let sets = [
    ("minimal", "systemd-sysv dbus iproute2"), ("ssh", "openssh-server"),
    ("python", "python3 python3-yaml python3-venv"),
    ("web", "nginx"), ("containers", "podman"), ("alternatives", "vim-tiny nano mawk gawk"),
    ("diversions", "dash bash-completion locales"),
    (
      "desktop", "hicolor-icon-theme shared-mime-info desktop-file-utils fontconfig libgdk-pixbuf-2.0-0 libgtk-3-common"
    ),
  ]

  @Test("The tree that is installed the direct way is dpkg's, but for a short list", arguments: ["trixie"])
  func equality(suite: String) async throws {
    // In the file system of the archives, so that they can be linked.
    try await Cache(at: Workshop.cache).withScratch { folder in
      for (name, packages) in Self.sets {
        try folder.writing(
          """
          cultivar: 1
          description: A set of packages
          packages: [\(packages.split(separator: " ").joined(separator: ", "))]

          """, to: "layers/\(name)/layer.yaml")
      }
      let layers = Self.sets.map { "./layers/\($0.0)" }.joined(separator: ", ")
      try LibrarySystem.write("layers: [\(layers)]", suite: suite, to: folder)
      let direct = try await root(of: folder, suite: suite, by: .direct)
      let reference = try await root(of: folder, suite: suite, by: .dpkg)

      let known = Self.explained
      let (found, expected) = (Self.described(direct), Self.described(reference))
      for path in Set(found.keys).union(expected.keys).sorted() where !known.contains(where: path.hasPrefix) {
        #expect(found[path] == expected[path], "\(path)")
      }
      #expect(found.count > 9_000)
    }
  }

  @Test("A package takes the place of one that others depend on")
  func replacement() async throws {
    try await LibrarySystem.judged(
      "packages: { install: [initramfs-tools], remove: [cultivar-initramfs] }", suite: "trixie"
    ) { root in
      root.expect("dpkg --audit", "")
      root.expect("dpkg-query --show --showformat '${Status}\\n' initramfs-tools", "install ok installed\n")
      root.expect("dpkg-query --show cultivar-initramfs 2>/dev/null", "")
    }
  }

  /// What differs, and why.
  private static let explained = [
    // The order in which scripts ask, and when.
    "/var/cache/debconf/",
    // Keys are made by a script, and new each time.
    "/etc/ssh/ssh_host_",
    // Dated.
    "/var/cache/fontconfig/",
    // The order of interests that were registered together.
    "/var/lib/dpkg/triggers/",
    // Copies of what was there before the last change, and records of when it was.
    "/var/lib/dpkg/status-old", "/var/lib/dpkg/diversions-old", "/var/log/", "/var/lib/dpkg/lock",
    "/var/lib/systemd/", "/etc/machine-id", "/var/lib/dbus/machine-id", "/var/cache/ldconfig/aux-cache",
  ]

  private static func described(_ entries: [ContentsListing.Entry]) -> [String: String] {
    Dictionary(
      entries.map { entry in
        let content = entry.sha256?.text ?? entry.target ?? ""
        return (entry.path, "\(entry.kind) \(entry.mode) \(entry.owner) \(content)")
      }
    ) { first, _ in first }
  }

  /// Builds the project's system in a cache of its own.
  private func root(
    of folder: URL, suite: String, by installer: SystemBuilder.Installer
  ) async throws -> [ContentsListing.Entry] {
    let project = try ProjectReader().read(folder.appending(path: "cultivar.yaml")).project
    let common = try Workshop.builder(of: folder, cache: try Cache(at: Workshop.cache))
    let definition = try SystemReader(library: LayerLibrary(builtIn: folder)).read(
      try common.image(named: "box"), of: project, environment: ProcessInfo.processInfo.environment
    ).system
    let request = try SystemBuilder.request(
      definition, suite: suite, architecture: "amd64", kernel: "linux-image-cloud-amd64")
    let packages = try await common.archive.packages(for: request)

    let cache = try Cache(at: folder.appending(path: "cache-\(installer)"))
    let archives = cache.folder.appending(path: "archives")
    try FolderTree.create(archives.path)
    for file in try await common.archive.files(of: packages.flatMap(\.self)) where file.path.contains("/archives/") {
      try FileManager.default.linkItem(at: file, to: archives.appending(path: file.lastPathComponent))
    }
    let own = try Workshop.builder(of: folder, cache: cache)
    return try await cache.withScratch { scratch in
      let root = try await SystemBuilder(
        archive: own.archive, cache: cache, progress: BuildProgress(style: .lines, isDetailed: true), scratch: scratch,
        epoch: 1_700_000_000, installer: installer
      ).build(definition, request: request, packages: packages)
      return try await root.archive().entries()
    }
  }
}
