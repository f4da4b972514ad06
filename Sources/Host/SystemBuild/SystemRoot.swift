import FoundationEssentials
import Hashing
import HostSystem
import Project
import Sandbox
import SizeReport

/// The finished root file system of a system, in layers.
public struct SystemRoot: Sendable {
  /// Hash of everything that the root depends on, except secrets; the same on every machine.
  public var key: Digest { stack.keyWithoutSecrets }

  let stack: RootStack
  let sandbox: Sandbox
  /// Cache for files made from the root, as long as the build runs.
  let cache: Cache
  private let epoch: Int64

  init(stack: RootStack, sandbox: Sandbox, cache: Cache, epoch: Int64) {
    self.stack = stack
    self.sandbox = sandbox
    self.cache = cache
    self.epoch = epoch
    archive = GrowingFile(sandbox.scratch.appending(path: "root.tar").path)
  }

  /// A session that opens a shell or runs a command in the root. Changes that it makes to the root are discarded.
  ///
  /// - Throws: `FileFailure`.
  public func shell(_ command: [String]) throws -> Sandbox.Session {
    try sandbox.session(command.isEmpty ? ["/bin/sh", "-i"] : command, root: .view(lower: stack.lower))
  }

  /// Runs the layers' steps for the finished image.
  ///
  /// A step never gets write access to the folder of the artefacts, because the host writes there too. It can read the
  /// artefacts, and its own files are copied from a separate folder.
  ///
  /// - Parameters:
  ///   - artefacts: Folder of the artefacts. Files that a step leaves in its working folder are copied there.
  ///   - names: Names of the artefacts that a step can read.
  /// - Throws: ``StepFailure``, `FileFailure`, also if a step leaves anything other than files and folders.
  public func runImageSteps(of layers: [SystemLayer], in artefacts: URL, beside names: [String]) async throws {
    for layer in layers {
      for step in layer.steps where step.phase == .image {
        let run = StepRun(step: step, layer: layer.name, cache: cache, epoch: epoch)
        let left = sandbox.scratch.appending(path: "left-\(UUID().uuidString)")
        try FolderTree.create(left.path)
        defer { Sandbox.remove(left) }
        try await run.run(
          in: sandbox, root: .view(lower: stack.lower),
          bindings: [Sandbox.Binding(left, at: Self.artefacts, isWritable: true)]
            + names.map { Sandbox.Binding(artefacts.appending(path: $0), at: "\(Self.artefacts)/\($0)") },
          folder: Self.artefacts)
        try StepArtefacts(left, ignoring: Set(names)).copy(to: artefacts)
      }
    }
  }

  /// The path of the artefacts in the sandbox of a step.
  private static let artefacts = "/run/cultivar/artefacts"

  /// The root as a tar archive. It is complete when ``writeArchive()`` returns.
  public let archive: GrowingFile

  /// Writes ``archive``. Call once. Entries are in the order of names, owners are numbers, and no time is later than
  /// that of the build, so the same content gives the same bytes.
  ///
  /// - Throws: `CommandFailure`, `FileFailure`.
  public func writeArchive() async throws {
    try await archive.write {
      try await cache.tellingOfFullDisk {
        try await sandbox.run(
          """
          cd \(Sandbox.treePath)
          # The time of a folder depends on the last package unpacked into it, and packages are unpacked in parallel.
          find . -xdev -type d -print0 | xargs -0 touch --date=@\(epoch)
          tar --create --sort=name --format=pax --numeric-owner \\
            --xattrs --xattrs-include='security.*' --xattrs-include='user.*' --xattrs-include='system.posix_acl_*' \\
            --xattrs-exclude='user.overlay.*' \\
            --mtime=@\(epoch) --clamp-mtime --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime \\
            --warning=no-file-ignored . > /run/cultivar/root.tar
          """, root: .view(lower: stack.lower), place: .beside,
          bindings: [
            Sandbox.Binding(URL(fileURLWithPath: archive.path), at: "/run/cultivar/root.tar", isWritable: true)
          ],
          to: "archive the root file system")
      }
    }
  }

  /// Lists the entries of the root and their origins.
  ///
  /// - Throws: `CommandFailure`, `FileFailure`.
  public func list() async throws -> RootListing {
    let folder = sandbox.scratch.appending(path: "listing")
    try FolderTree.create(folder.path)
    try await cache.tellingOfFullDisk {
      try await sandbox.run(
        """
        cd \(Sandbox.treePath)
        : > /run/cultivar/output/owners
        # Folders that may contain keys. Files with keys are small.
        for folder in etc root home srv opt var usr/local; do
          [ ! -d "$folder" ] || [ -L "$folder" ] ||
            find "$folder" -xdev -type f -size -64k -exec grep -lsZ -e '-----BEGIN .*PRIVATE KEY-----' {} + || true
        done > /run/cultivar/output/keys
        find . -xdev -mindepth 1 -printf '%y %s %m %U:%G %P\\0%l\\0' > /run/cultivar/output/entries
        # As root of the sandbox, because the user who builds cannot read some folders.
        for layer in \(Self.layers)/*; do
          find "$layer" -xdev -mindepth 1 -printf "${layer##*/} %P\\0"
        done > /run/cultivar/output/layers
        set -- var/lib/dpkg/info/*.list
        [ ! -e "$1" ] || grep -H '' "$@" | sed 's|^var/lib/dpkg/info/||; s|\\.list:| |' > /run/cultivar/output/owners
        """, root: .view(lower: stack.lower), place: .beside,
        bindings: [Sandbox.Binding(folder, at: "/run/cultivar/output", isWritable: true)]
          + stack.layers.enumerated().map { Sandbox.Binding($1, at: "\(Self.layers)/\($0)") },
        to: "list the root file system")
    }
    return try RootListing(folder, pieces: stack.pieces.map(\.title))
  }

  /// The entries of the root, by path. Waits until the archive is complete, to compute hashes of files from it.
  ///
  /// - Throws: `FileFailure`, and errors of ``writeArchive()``.
  public func entries(_ listing: RootListing) async throws -> [ContentsListing.Entry] {
    try await archive.complete()
    return try listing.entries(hashes: ArchiveHashes.read(archive.path))
  }

  /// The path of the layers in the sandbox while they are listed.
  private static let layers = "/run/cultivar/layers"
}
