import Foundation
import HostSystem
import Lock
import Project
import Sandbox

/// The finished root file system of a system, as layers.
public struct SystemRoot: Sendable {
  /// Hash of all that it depends on.
  public var key: ContentHash { stack.key }
  /// Its packages, sorted by name.
  public let packages: [DebianPackage]
  /// How many pieces of work were done for it, and not found in the cache.
  public var worked: Int { stack.worked }

  /// Folder with `boot` and `usr/lib/modules` of the kernel; `nil` where no stage brought one.
  public let kernelFolder: URL?

  private let stack: RootStack
  private let sandbox: Sandbox
  /// Where what is made of the root is kept: for good, or where the root has secrets, as long as the build runs.
  public let cache: Cache
  private let epoch: Int64

  init(stack: RootStack, sandbox: Sandbox, cache: Cache, epoch: Int64, packages: [DebianPackage], kernelFolder: URL?) {
    self.kernelFolder = kernelFolder
    self.stack = stack
    self.sandbox = sandbox
    self.cache = cache
    self.epoch = epoch
    self.packages = packages
  }

  /// A file of the root that everybody may read; `nil` where there is none.
  public func file(_ path: String) -> [UInt8]? { stack.file(path) }

  /// Runs a shell script in the root; what it writes is dropped.
  @discardableResult
  public func look(_ script: String, to purpose: String) async throws -> String {
    try await sandbox.run(script, root: .view(lower: stack.lower), to: purpose)
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

  /// The root as a tar archive in the order of names, with numbers for owners and no time later than the build's: the same bytes
  /// for the same content.
  ///
  /// - Returns: The archive in the cache.
  /// - Throws: `CommandFailure`, `FileFailure`.
  public func tar() async throws -> URL {
    var key = CacheKey("system-tar 2")
    key.add(stack.key)
    let place = try await cache.result("root-tar", key.hash) { folder in
      try await sandbox.run(
        """
        cd \(Sandbox.treePath)
        # A folder's time is that of the last package that was unpacked into it, and packages are unpacked side by side.
        find . -xdev -type d -print0 | xargs -0 touch --date=@\(epoch)
        exec tar --create --file /run/cultivar/output/root.tar --sort=name --format=pax --numeric-owner \\
          --xattrs --xattrs-include='security.*' --xattrs-include='user.*' --xattrs-exclude='user.overlay.*' \\
          --mtime=@\(epoch) --clamp-mtime --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime \\
          --warning=no-file-ignored .
        """, root: .view(lower: stack.lower), place: .beside,
        bindings: [Sandbox.Binding(folder, at: "/run/cultivar/output", isWritable: true)],
        to: "archive the root file system")
    }
    return place.appending(path: "root.tar")
  }
}
