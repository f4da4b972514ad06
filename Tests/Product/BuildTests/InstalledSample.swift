import DebianArchive
import Foundation
import HostSystem
import Lock
import Project
import Sandbox
import SizeReport
import TestFixtures
import Testing

@testable import ImageBuild
@testable import SystemBuild

/// A Debian made of sets of packages, each a stage on top of the earlier ones, that can be installed in different ways.
struct InstalledSample {
  struct PackageSet {
    var name: String
    var packages: [String]

    init(_ name: String, _ packages: String...) { (self.name, self.packages) = (name, packages) }
  }

  /// Sets with all kinds of effects that package scripts have: users, units, alternatives, diversions, debconf, modules
  /// of languages, path triggers.
  static let allSets = [
    PackageSet("minimal", "systemd-sysv", "dbus", "iproute2", "apt"),
    PackageSet("diversions", "dash", "bash-completion", "locales"),
    PackageSet("alternatives", "vim-tiny", "nano", "mawk", "gawk"),
    PackageSet("ssh", "openssh-server"),
    PackageSet("python", "python3", "python3-yaml", "python3-venv"),
    PackageSet("web", "nginx"),
    PackageSet("containers", "podman"),
    PackageSet(
      "desktop", "hicolor-icon-theme", "shared-mime-info", "desktop-file-utils", "fontconfig", "libgdk-pixbuf-2.0-0",
      "libgtk-3-common"),
  ]

  /// Paths that may differ between ways of installation, with the reasons.
  static let explained = [
    // The order and time of the scripts' questions.
    "/var/cache/debconf/",
    // Two packages that make users may be configured in either order. Numbers and everything else are the same.
    "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow",
    // A script makes new keys each time.
    "/etc/ssh/ssh_host_",
    // Dated.
    "/var/cache/fontconfig/",
    // The order of triggers that were registered together.
    "/var/lib/dpkg/triggers/",
    // Backups from before the last change, and records of its time.
    "/var/lib/dpkg/status-old", "/var/lib/dpkg/diversions-old", "/var/log/", "/var/lib/dpkg/lock",
    "/var/lib/systemd/", "/etc/machine-id", "/var/lib/dbus/machine-id", "/var/cache/ldconfig/aux-cache",
  ]

  /// The suite of Debian.
  var suite: String
  /// The architecture, by Debian's name.
  var architecture = "amd64"
  /// The sets, in the order of the stages.
  var sets: [PackageSet]
  /// True if programs of another architecture have native twins.
  var hasTwins = true

  /// Installs the sample in a separate cache, and passes the root to a closure.
  ///
  /// - Parameter folder: The project's folder. It has to be in the file system of the archives, so that they can be
  ///   linked.
  func installed<Value>(
    by installer: SystemBuilder.Installer, in folder: URL, work: (SystemRoot) async throws -> Value
  ) async throws -> Value {
    let (definition, request, packages) = try await resolved(in: folder)
    let common = try Workshop.builder(of: folder, cache: try Cache(at: Workshop.cache))
    let cache = try Cache(at: folder.appending(path: "cache-\(installer)"))
    let archives = cache.folder.appending(path: "archives")
    try FolderTree.create(archives.path)
    for file in try await common.archive.files(of: packages.flatMap(\.self)) where file.path.contains("/archives/") {
      try FileManager.default.linkItem(at: file, to: archives.appending(path: file.lastPathComponent))
    }
    let tools = try await common.archive.packages(for: [ToolTree.request])[ToolTree.request] ?? []
    let decompressor = try await Decompressor(
      of: tools, archive: common.archive, cache: try Cache(at: Workshop.cache))
    var foreign: ForeignPrograms?
    if let needs = ForeignPrograms.needs(for: architecture, suite: suite) {
      foreign = try await ForeignPrograms(
        needs, try await common.archive.packages(for: needs.requests), archive: common.archive,
        cache: try Cache(at: Workshop.cache), hasTwins: hasTwins)
    }
    let own = try Workshop.builder(of: folder, cache: cache)
    return try await cache.withScratch { scratch in
      var builder = try SystemBuilder(
        archive: own.archive, cache: cache, progress: BuildProgress(style: .lines, isDetailed: true), scratch: scratch,
        epoch: 1_700_000_000, installer: installer, foreign: foreign)
      builder.decompressor = decompressor
      return try await work(try await builder.build(definition, request: request, packages: packages))
    }
  }

  /// Returns the archive files of all packages, in the cache of the tests.
  func archives(in folder: URL) async throws -> [URL] {
    let packages = try await resolved(in: folder).packages.flatMap(\.self).filter { $0.archive != .build }
    return try await Workshop.builder(of: folder, cache: try Cache(at: Workshop.cache)).archive.files(of: packages)
  }

  /// Returns the definition and request of the system, and the packages of its stages.
  func resolved(
    in folder: URL
  ) async throws -> (definition: SystemDefinition, request: InstallationRequest, packages: [[DebianPackage]]) {
    for set in sets {
      try folder.writing(
        "cultivar: 1\ndescription: A set of packages\npackages: [\(set.packages.joined(separator: ", "))]\n",
        to: "layers/\(set.name)/layer.yaml")
    }
    let layers = sets.map { "./layers/\($0.name)" }.joined(separator: ", ")
    try LibrarySystem.write("layers: [\(layers)]", suite: suite, to: folder)
    if suite == "sid" {
      // The index of a frozen mirror expires.
      let file = folder.appending(path: "cultivar.yaml")
      try folder.writing(
        String(contentsOf: file, encoding: .utf8) + "debian: { snapshot: true }\n", to: "cultivar.yaml")
    }
    let project = try ProjectReader().read(folder.appending(path: "cultivar.yaml")).project
    let builder = try Workshop.builder(of: folder, cache: try Cache(at: Workshop.cache))
    let definition = try SystemReader(library: LayerLibrary(builtIn: folder)).read(
      try builder.image(named: "box"), of: project, environment: ProcessInfo.processInfo.environment
    ).system
    let request = try SystemBuilder.request(
      definition, suite: suite, architecture: architecture,
      kernel: architecture == "armhf" ? "linux-image-armmp-lpae" : "linux-image-cloud-\(architecture)")
    return (definition, request, try await builder.archive.packages(for: request))
  }
}

extension SystemRoot {
  /// Runs a shell script in the root like on a device. Its writes are dropped.
  ///
  /// - Parameter repository: The folder to bind at `/run/cultivar/repository`.
  /// - Returns: The standard output.
  func asked(_ script: String, repository: URL? = nil, network: Bool = false) async throws -> String {
    try await sandbox.run(
      script, root: .view(lower: stack.lower),
      bindings: repository.map { [Sandbox.Binding($0, at: "/run/cultivar/repository")] } ?? [],
      environment: PackageScript.environment, network: network, to: "ask the root file system")
  }
}

/// An archive of packages in a folder, without signatures.
struct FolderRepository {
  let folder: URL

  /// Makes the archive from archive files, and adds newer versions of some.
  ///
  /// - Parameter newer: Names of packages to add again with `+later` at the end of the version.
  init(of archives: [URL], newer: [String], in folder: URL) throws {
    self.folder = folder
    try FolderTree.create(folder.path)
    for file in archives {
      try FileManager.default.linkItem(at: file, to: folder.appending(path: file.lastPathComponent))
    }
    let script = """
      for name; do
        for file in *.deb; do
          [ "$(dpkg-deb --field "$file" Package)" = "$name" ] || continue
          dpkg-deb --raw-extract "$file" tree
          sed -i 's/^Version: .*/&+later/' tree/DEBIAN/control
          dpkg-deb --root-owner-group -Znone --build tree "$name-later.deb" >&2
          rm -rf tree
        done
      done
      for file in *.deb; do
        dpkg-deb --field "$file"
        echo "Filename: ./$file"
        echo "Size: $(stat --format %s "$file")"
        echo "SHA256: $(sha256sum "$file" | cut -d ' ' -f 1)"
        echo
      done > Packages
      echo 'deb [trusted=yes] file:/run/cultivar/repository ./' > sources.list
      """
    let verdict = try Judge("sh").run(["-euc", script, "sh"] + newer, in: folder)
    try #require(verdict.status == 0, "\(verdict.errors)")
  }
}

extension SystemRoot {
  /// Returns all entries by path, with all hashes.
  func allEntries() async throws -> [ContentsListing.Entry] {
    async let writing: Void = writeArchive()
    let entries = try await entries(list())
    try await writing
    return entries
  }
}
