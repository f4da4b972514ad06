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

/// Installing packages for another architecture, by the direct way and with native twins, against dpkg with everything emulated.
///
/// What dpkg makes is kept as a listing, as it takes the better part of an hour: `CULTIVAR_TEST_LONG=1` makes it anew.
@Suite("Installing packages for another architecture", .enabled(if: Workshop.isReady, Workshop.condition))
struct ForeignInstallationTests {
  @Test(
    "The tree that native twins make is that of emulated programs, but for a short list",
    arguments: [("trixie", "arm64"), ("bookworm", "arm64"), ("trixie", "armhf")])
  func equality(suite: String, architecture: String) async throws {
    // In the file system of the archives, so that they can be linked.
    try await Cache(at: Workshop.cache).withScratch { folder in
      let set = PackageSet(suite: suite, architecture: architecture, folder: folder)
      try set.write()
      let file = Self.listings.appending(path: "\(suite)-\(architecture).txt")
      let stored = try? String(contentsOf: file, encoding: .utf8)
      let isLong = ProcessInfo.processInfo.environment["CULTIVAR_TEST_LONG"] != nil
      let packages = try await set.packages()
      let known = stored.map(TreeListing.init(text:))
      let isCurrent = known?.versions == TreeListing.versions(of: packages.flatMap(\.self))
      try #require(
        isCurrent || isLong,
        "the packages of \(suite) are not those of \(file.lastPathComponent); CULTIVAR_TEST_LONG=1 makes it anew")

      var reference = known
      if isLong {
        let made = TreeListing(try await set.root(by: .dpkg, hasTwins: false), packages: packages.flatMap(\.self))
        try Data(made.text.utf8).write(to: file)
        reference = made
      }
      let found = TreeListing(try await set.root(by: .direct, hasTwins: true), packages: packages.flatMap(\.self))
      for path in Set(found.rows.keys).union(reference?.rows.keys ?? [:].keys).sorted() {
        #expect(found.rows[path] == reference?.rows[path], "\(path)")
      }
      #expect(found.rows.count > 200)
    }
  }

  private static let listings = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Listings")
}

/// Packages in stages, each upon the ones before, and the trees that they come to.
struct PackageSet {
  /// Suite that the packages are of.
  var suite: String
  /// Their architecture.
  var architecture: String
  /// Folder of the project.
  var folder: URL

  /// The stages, by name: few packages each, for one thing that installing has to do.
  static let stages = [
    ("minimal", "systemd-sysv dbus iproute2"), ("ssh", "openssh-server"),
    ("python", "python3 python3-yaml python3-venv"),
    ("web", "nginx"), ("containers", "podman"), ("alternatives", "vim-tiny nano mawk gawk"),
    ("diversions", "dash bash-completion locales"),
    (
      "desktop", "hicolor-icon-theme shared-mime-info desktop-file-utils fontconfig libgdk-pixbuf-2.0-0 libgtk-3-common"
    ),
  ]

  /// The stages that there are: where few images are made, few.
  private var stages: [(String, String)] { architecture == "armhf" ? Array(Self.stages.prefix(3)) : Self.stages }

  /// Writes the project.
  func write() throws {
    for (name, packages) in stages {
      try folder.writing(
        """
        cultivar: 1
        description: A set of packages
        packages: [\(packages.split(separator: " ").joined(separator: ", "))]

        """, to: "layers/\(name)/layer.yaml")
    }
    let layers = stages.map { "./layers/\($0.0)" }.joined(separator: ", ")
    try LibrarySystem.write("layers: [\(layers)]", suite: suite, to: folder)
  }

  private func definition() throws -> (SystemDefinition, InstallationRequest) {
    let project = try ProjectReader().read(folder.appending(path: "cultivar.yaml")).project
    let image = try #require(project.images.first)
    let definition = try SystemReader(library: LayerLibrary(builtIn: folder)).read(
      image, of: project, environment: ProcessInfo.processInfo.environment
    ).system
    let request = try SystemBuilder.request(
      definition, suite: suite, architecture: architecture,
      kernel: architecture == "armhf" ? "linux-image-armmp-lpae" : "linux-image-cloud-\(architecture)")
    return (definition, request)
  }

  /// The packages of each stage.
  func packages() async throws -> [[DebianPackage]] {
    let common = try Workshop.builder(of: folder, cache: try Cache(at: Workshop.cache))
    return try await common.archive.packages(for: try definition().1)
  }

  /// Builds the tree in a cache of its own.
  func root(by installer: SystemBuilder.Installer, hasTwins: Bool = false) async throws -> [ContentsListing.Entry] {
    let (definition, request) = try definition()
    let common = try Workshop.builder(of: folder, cache: try Cache(at: Workshop.cache))
    let packages = try await packages()
    var foreign: ForeignPrograms?
    if let needs = ForeignPrograms.needs(for: architecture, suite: suite) {
      foreign = try await ForeignPrograms(
        needs, try await common.archive.packages(for: needs.requests), archive: common.archive, cache: common.cache,
        hasTwins: hasTwins)
    }
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
        epoch: 1_700_000_000, installer: installer, foreign: foreign
      ).build(definition, request: request, packages: packages)
      return try await root.archive().entries
    }
  }
}

/// What is in a tree, in few enough lines to be kept: a hash for all that is in a package's archive, and a line for each entry besides.
struct TreeListing {
  /// Version of each package, by name and architecture.
  private(set) var versions: [String: String]
  /// What an entry is, by its path; for all entries of a package one row by its name.
  private(set) var rows: [String: String]

  /// Lists a tree.
  init(_ entries: [ContentsListing.Entry], packages: [DebianPackage]) {
    versions = Self.versions(of: packages)
    rows = [:]
    var owned: [String: [String]] = [:]
    for entry in entries where !Self.explained.contains(where: entry.path.hasPrefix) {
      let row = "\(entry.kind) \(entry.mode) \(entry.owner) \(entry.sha256?.text ?? entry.target ?? "")"
      if entry.origin.hasPrefix("package ") {
        owned[entry.origin, default: []].append("\(entry.path) \(row)")
      } else {
        rows[entry.path] = row
      }
    }
    for (origin, lines) in owned {
      rows[origin] = "\(lines.count) entries \(ContentHash(of: Array(lines.sorted().joined(separator: "\n").utf8)))"
    }
  }

  static func versions(of packages: [DebianPackage]) -> [String: String] {
    Dictionary(packages.map { ("\($0.name):\($0.architecture)", $0.version) }) { $1 }
  }

  /// Reads a listing.
  init(text: String) {
    (versions, rows) = ([:], [:])
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 3 else { continue }
      if parts[0] == "version" { versions[parts[1]] = parts[2] } else { rows[parts[1]] = parts[2] }
    }
  }

  /// The listing as text, which ``init(text:)`` reads.
  var text: String {
    let lines =
      versions.map { "version\t\($0)\t\($1)" }.sorted() + rows.map { "entry\t\($0)\t\($1)" }.sorted()
    return lines.joined(separator: "\n") + "\n"
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
}
