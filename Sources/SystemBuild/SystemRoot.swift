import Foundation
import HostSystem
import Lock
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
  private let cache: Cache
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

  /// The root as a tar archive in the order of names, with numbers for owners and no time later than the build's: the same bytes
  /// for the same content.
  ///
  /// - Returns: The archive in the cache.
  /// - Throws: `CommandFailure`, `FileFailure`.
  public func tar() async throws -> URL {
    var key = CacheKey("system-tar 1")
    key.add(stack.key)
    let place = try await cache.result("root-tar", key.hash) { folder in
      try await sandbox.run(
        """
        cd \(Sandbox.treePath)
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
