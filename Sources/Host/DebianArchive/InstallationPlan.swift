import FoundationEssentials
import Glibc
import HostSystem
import LinuxSystem
import Lock

extension DebianArchive {
  /// Asks APT for the order in which packages are unpacked and configured on an installed system.
  ///
  /// The only input is the packages themselves, without an archive's index, so the same packages always give the same
  /// order.
  ///
  /// - Parameters:
  ///   - packages: The packages to install. Their archive files are fetched if necessary.
  ///   - removed: Names of the installed packages to remove.
  ///   - status: Text of dpkg's status file of the installed system.
  ///   - architecture: Debian architecture.
  /// - Throws: ``ArchiveFailure``, `CommandFailure`, `FileFailure`.
  public func plan(
    installing packages: [DebianPackage], removing removed: [String], upon status: [UInt8], architecture: String
  ) async throws -> AptPlan {
    _ = try await files(of: packages)
    return try await cache.withScratch { folder in
      var index = ""
      for (package, control) in zip(packages, try await controlFolders(of: packages)) {
        let text = try FolderTree.readFile(control.appending(path: "control").path)
        index += String(decoding: text, as: UTF8.self).trimming(\.isNewline)
        index += "\nFilename: ./\(package.label).deb\nSize: \(package.size)\nSHA256: \(package.sha256)\n\n"
      }
      for name in ["state/lists/partial", "cache/archives/partial", "etc", "archive"] {
        try FolderTree.create(folder.appending(path: name).path)
      }
      let place = folder.appending(path: "archive").path
      try FolderTree.writeFile(place + "/Packages", with: index.utf8)
      try FolderTree.writeFile(folder.appending(path: "status").path, with: status)
      let sources = folder.appending(path: "etc/cultivar.sources")
      try FolderTree.writeFile(
        sources.path, with: "Types: deb\nURIs: file:\(place)\nSuites: ./\nTrusted: yes\n".utf8)
      let settings = try AptResolver.writeConfiguration(
        in: folder, sources: sources, preferences: URL(fileURLWithPath: "/dev/null"), architecture)
      try await AptResolver.apt(settings, .aptGet, ["update", "-qq"], to: "read the packages").run()
      // An exact version and architecture for each package: the packages of a stage then allow only one answer.
      let wishes = packages.map { package in
        package.architecture == "all" || package.architecture == architecture
          ? "\(package.name)=\(package.version)" : "\(package.name):\(package.architecture)=\(package.version)"
      }
      return AptPlan(
        try await AptResolver.apt(
          settings, .aptGet,
          ["install", "--simulate", "-q", "--allow-downgrades"] + wishes + removed.map { "\($0)-" },
          to: "order the packages"
        ).run())
    }
  }

  /// Returns the archive files of packages, in the order in which a plan unpacks them.
  public func installationFiles(of packages: [DebianPackage], in plan: AptPlan) async throws -> [URL] {
    let named = try await namedFiles(of: packages)
    return plan.installed.compactMap { named[$0] }
  }

  /// Returns the archive files of packages by `NAME=VERSION`, the form that ``AptPlan`` uses.
  public func namedFiles(of packages: [DebianPackage]) async throws -> [String: URL] {
    let files = try await files(of: packages)
    return Dictionary(zip(packages.map { "\($0.name)=\($0.version)" }, files)) { first, _ in first }
  }

  /// Returns the names in each package's `Pre-Depends`, by `NAME=VERSION`. These must be configured before the package
  /// is unpacked.
  public func preDepends(of packages: [DebianPackage]) async throws -> [String: Set<String>] {
    var result: [String: Set<String>] = [:]
    for (package, control) in zip(packages, try await controlFolders(of: packages)) {
      let text = String(decoding: try FolderTree.readFile(control.appending(path: "control").path), as: UTF8.self)
      let fields = ControlFile.paragraphs(text).first ?? [:]
      guard let field = fields["Pre-Depends"] else { continue }
      result["\(package.name)=\(package.version)"] = Set(ControlFile.names(inRelation: field))
    }
    return result
  }

  /// Name of the package that takes the place of the tools that make an initial RAM file system.
  public static var initramfsPackage: String { BuildPackages.initramfs }

  /// Returns the folders with the packages' control files (`deb(5)`), in the packages' order.
  ///
  /// - Throws: `ArchiveFailure`, `CommandFailure`, `FileFailure`.
  public func controlFolders(of packages: [DebianPackage]) async throws -> [URL] {
    let places = packages.map { cache.location("control-files", $0.sha256) }
    let files = try await files(of: packages)
    let unread = packages.indices.filter { !cache.take(places[$0]) }
    if !unread.isEmpty {
      try await cache.withScratch { scratch in
        try await readControlFiles(of: unread.map { files[$0] }, into: scratch)
        for index in unread {
          _ = try await cache.result("control-files", packages[index].sha256) { place in
            try FileManager.default.moveItem(
              at: scratch.appending(path: files[index].lastPathComponent), to: place.appending(path: "files"))
          }
        }
      }
    }
    return places.map { $0.appending(path: "files") }
  }

  /// Extracts the control files of archive files. Each archive gets a folder with the name of its file.
  private func readControlFiles(of files: [URL], into folder: URL) async throws {
    var simple: [URL] = []
    for file in files {
      let control = try PackageData(.control, in: file.path)
      guard control.isXZ else {
        simple.append(file)
        continue
      }
      let bytes = try control.bytes(in: file.path)
      try FolderTree.writeFile(folder.appending(path: "\(file.lastPathComponent).tar.xz").path, with: bytes)
    }
    // One shell, and one xz for all: starting programs takes longer than reading a package's control files. The options
    // of tar are those that dpkg-deb uses.
    let script = """
      for file in "$@"; do dpkg-deb --control "$file" "${file##*/}"; done
      set -- *.tar.xz
      [ -e "$1" ] || exit 0
      xz -d -- "$@"
      set --
      for file in *.tar; do set -- "$@" "${file%.tar}"; done
      mkdir -- "$@"
      for folder in "$@"; do tar -x -p -m -f "$folder.tar" -C "$folder"; done
      """
    try await HostCommand(
      .shell, ["-euc", script, "sh"] + simple.map(\.path), to: "read the packages", in: folder.path
    ).run()
  }
}
