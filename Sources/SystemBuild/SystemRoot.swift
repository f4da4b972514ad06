import Foundation
import HostSystem
import Lock
import Project
import Sandbox

/// The finished root file system of a system, as layers.
public struct SystemRoot: Sendable {
  /// Hash of all that it depends on but secrets: the same on every machine.
  public var key: ContentHash { stack.keyWithoutSecrets }
  /// Its packages, sorted by name.
  public let packages: [DebianPackage]
  /// Folder with `boot` and `usr/lib/modules` of the kernel.
  public let kernelFolder: URL

  private let stack: RootStack
  private let sandbox: Sandbox
  /// Where what is made of the root is kept, as long as the build runs.
  public let cache: Cache
  private let epoch: Int64

  init(stack: RootStack, sandbox: Sandbox, cache: Cache, epoch: Int64, packages: [DebianPackage], kernelFolder: URL) {
    self.kernelFolder = kernelFolder
    self.stack = stack
    self.sandbox = sandbox
    self.cache = cache
    self.epoch = epoch
    self.packages = packages
  }

  /// A command that opens a shell in the root, or runs a command of the user's there; what it writes is dropped.
  ///
  /// - Throws: `FileFailure`.
  public func shell(_ command: [String]) throws -> Sandbox.Session {
    try sandbox.session(command.isEmpty ? ["/bin/sh", "-i"] : command, root: .view(lower: stack.lower))
  }

  /// Runs the layers' steps that come after the image.
  ///
  /// - Parameter artefacts: Folder of the artefacts: the steps' working folder, where they may write.
  /// - Throws: ``StepFailure``, `FileFailure`.
  public func runImageSteps(of layers: [SystemLayer], in artefacts: URL) async throws {
    for layer in layers {
      for step in layer.steps where step.phase == .image {
        let run = StepRun(step: step, layer: layer.name, cache: cache, epoch: epoch)
        try await run.run(
          in: sandbox, root: .view(lower: stack.lower),
          bindings: [Sandbox.Binding(artefacts, at: "/run/cultivar/artefacts", isWritable: true)],
          folder: "/run/cultivar/artefacts")
      }
    }
  }

  /// One regular file of the root.
  public struct File: Sendable, Codable {
    /// Absolute path.
    public var path: String
    /// Bytes.
    public var size: Int64
    /// Who brought it: a package, or a piece of the build.
    public var origin: String
  }

  /// The root as an archive, and what is in it.
  public struct Archive: Sendable {
    /// The tar archive.
    public var file: URL
    /// Its regular files, by path.
    public var files: [File]
  }

  /// The root as a tar archive in the order of names, with numbers for owners and no time later than the build's: the same bytes
  /// for the same content.
  ///
  /// - Throws: `CommandFailure`, `FileFailure`.
  public func archive() async throws -> Archive {
    var key = CacheKey("system-archive 1")
    key.add(stack.key)
    let place = try await cache.result("root-tar", key.hash) { folder in
      try await sandbox.run(
        """
        cd \(Sandbox.treePath)
        # A folder's time is that of the last package that was unpacked into it, and packages are unpacked side by side.
        find . -xdev -type d -print0 | xargs -0 touch --date=@\(epoch)
        find . -xdev -type f -printf '%s %P\\n' > /run/cultivar/output/sizes
        # By root of the sandbox: some folders are closed to the user who builds.
        for layer in \(Self.layers)/*; do
          find "$layer" -xdev -type f -printf "${layer##*/} %P\\n"
        done > /run/cultivar/output/layers
        for list in var/lib/dpkg/info/*.list; do
          [ -e "$list" ] || continue
          name=${list##*/}
          sed "s|^|${name%.list} |" "$list"
        done > /run/cultivar/output/owners
        exec tar --create --file /run/cultivar/output/root.tar --sort=name --format=pax --numeric-owner \\
          --xattrs --xattrs-include='security.*' --xattrs-include='user.*' --xattrs-exclude='user.overlay.*' \\
          --mtime=@\(epoch) --clamp-mtime --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime \\
          --warning=no-file-ignored .
        """, root: .view(lower: stack.lower), place: .beside,
        bindings: [Sandbox.Binding(folder, at: "/run/cultivar/output", isWritable: true)]
          + stack.layers.enumerated().map { Sandbox.Binding($1, at: "\(Self.layers)/\($0)") },
        to: "archive the root file system")
      let files = try files(listedIn: folder)
      try FolderTree.replaceFile(folder.appending(path: "files.json").path, with: JSONEncoder().encode(files))
    }
    let listing = Data(try FolderTree.readFile(place.appending(path: "files.json").path))
    return Archive(
      file: place.appending(path: "root.tar"), files: try JSONDecoder().decode([File].self, from: listing))
  }

  /// Where the layers are seen while they are listed.
  private static let layers = "/run/cultivar/layers"

  /// Reads the listings of sizes (`SIZE PATH`), of packages' files (`PACKAGE /PATH`), and of layers' files (`NUMBER PATH`).
  private func files(listedIn folder: URL) throws -> [File] {
    func lines(_ name: String) throws -> [(Substring, Substring)] {
      String(decoding: try FolderTree.readFile(folder.appending(path: name).path), as: UTF8.self).split(separator: "\n")
        .compactMap { line in
          guard let space = line.utf8.firstIndex(of: UInt8(ascii: " ")) else { return nil }
          return (line[..<space], line[line.index(after: space)...])
        }
    }
    var packages: [String: Substring] = [:]
    for (package, path) in try lines("owners") {
      let name = package.split(separator: ":").first ?? package
      packages[String(path)] = name
      // Packages of older suites name files below the folders that became links.
      if ["/bin/", "/sbin/", "/lib/", "/lib64/"].contains(where: path.hasPrefix) { packages["/usr\(path)"] = name }
    }
    var pieces: [Substring: Int] = [:]
    for (layer, path) in try lines("layers") { pieces[path] = max(pieces[path] ?? 0, Int(layer) ?? 0) }
    return try lines("sizes").map { size, path in
      let place = "/\(path)"
      let origin =
        packages[place].map { "package \($0)" } ?? pieces[path].map { stack.pieces[$0].title } ?? "the build"
      return File(path: place, size: Int64(size) ?? 0, origin: origin)
    }.sorted { $0.path < $1.path }
  }
}
