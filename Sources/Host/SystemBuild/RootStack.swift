import BaseImport
import FoundationEssentials
import Glibc
import Hashing
import HostSystem
import struct LinuxSystem.ForeignTree
import Lock
import Sandbox

/// One piece of work in the build of a system.
public struct PlannedPiece: Sendable, Equatable, Encodable {
  public var title: String
  /// True if the result is in the cache.
  public var isCached: Bool

  public init(title: String, isCached: Bool) {
    self.title = title
    self.isCached = isCached
  }
}

/// A root file system during the build: layers of an overlay file system. Each layer is the result of one piece of work
/// and is cached under the hash of everything that it depends on.
struct RootStack: Sendable {
  /// Layers, the lowest first.
  private(set) var layers: [URL] = []
  private var keys: Key
  private let cache: Cache

  /// True to only record the pieces of work instead of doing them.
  private let isRehearsal: Bool
  /// Pieces of work, in order.
  private(set) var pieces: [PlannedPiece] = []
  /// Packages of each layer that is not in the cache.
  private(set) var uninstalled: [[DebianPackage]] = []

  /// The dependencies of a layer and all layers below it.
  struct Key: Sendable {
    /// Hash of everything; the cache key of the layer.
    var whole: Digest
    /// Hash of everything except secrets. It is the same on every machine; the hash of a secret is not.
    var withoutSecrets: Digest
  }

  /// Hash of everything that the topmost layer depends on, including secrets.
  var key: Digest { keys.whole }
  /// Hash of everything that the topmost layer depends on, except secrets.
  var keyWithoutSecrets: Digest { keys.withoutSecrets }

  /// Makes an empty stack.
  ///
  /// - Parameters:
  ///   - seed: Dependencies of every layer: architecture, time.
  ///   - isRehearsal: True to only record the pieces of work instead of doing them.
  init(cache: Cache, seed: [String], isRehearsal: Bool = false) {
    self.cache = cache
    self.isRehearsal = isRehearsal
    var key = CacheKey("system-root 1")
    key.add(seed)
    keys = Key(whole: key.hash, withoutSecrets: key.hash)
  }

  /// The layers in the order of an overlay file system: the topmost first.
  var lower: [URL] { layers.reversed() }

  /// The key of a further layer.
  ///
  /// - Parameters:
  ///   - secrets: Adds hashes of the secrets that the layer depends on.
  ///   - inputs: Adds everything else that the layer depends on.
  func key(
    _ step: String, secrets: (inout CacheKey) throws -> Void = { _ in }, _ inputs: (inout CacheKey) throws -> Void
  ) throws -> Key {
    var (whole, withoutSecrets) = (CacheKey(step), CacheKey(step))
    whole.add(keys.whole)
    withoutSecrets.add(keys.withoutSecrets)
    try inputs(&whole)
    try inputs(&withoutSecrets)
    try secrets(&whole)
    return Key(whole: whole.hash, withoutSecrets: withoutSecrets.hash)
  }

  /// The folder of a cached layer.
  func folder(of key: Digest) -> URL { cache.location("root-layer", key).appending(path: "tree") }

  /// True if a layer is in the cache.
  func has(_ key: Digest) -> Bool { cache.has("root-layer", key) }

  /// Adds a layer on top: the cached one, or the result of `work`, which gets an empty folder.
  ///
  /// - Parameter packages: Packages that the layer installs.
  mutating func add(
    _ key: Key, installing packages: [DebianPackage] = [], called title: String,
    work: (_ upper: URL) async throws -> Void
  ) async throws {
    let isCached = has(key.whole)
    pieces.append(PlannedPiece(title: title, isCached: isCached))
    if !isCached, !packages.isEmpty { uninstalled.append(packages) }
    keys = key
    guard !isRehearsal else { return }
    let place = try await cache.result("root-layer", key.whole) { folder in
      let upper = folder.appending(path: "tree")
      try Self.makeLayer(upper)
      try await cache.withRoom { try await work(upper) }
    }
    layers.append(place.appending(path: "tree"))
  }

  /// Makes the folder of a layer. Its mode becomes that of the root folder, independent of the caller's umask.
  static func makeLayer(_ folder: URL) throws(FileFailure) {
    try FolderTree.create(folder.path)
    guard chmod(folder.path, 0o755) == 0 else { throw .last("set the mode of", folder.path) }
  }

  /// Adds an imported base at the bottom.
  mutating func add(_ base: BaseRoot) throws {
    pieces.append(PlannedPiece(title: "base \(base.name)", isCached: true))
    layers.append(base.tree)
    keys = try key("base 1") { $0.add(base.key) }
  }

  /// Adds a layer on top that is not cached. `work` fills the folder; the caller removes it.
  mutating func add(
    _ key: Key, at upper: URL, called title: String, work: (_ upper: URL) async throws -> Void
  ) async throws {
    pieces.append(PlannedPiece(title: title, isCached: false))
    keys = key
    guard !isRehearsal else { return }
    try Self.makeLayer(upper)
    try await work(upper)
    layers.append(upper)
  }

  /// The content of a regular file that everyone may read; `nil` if there is none.
  func file(_ path: String) -> [UInt8]? {
    for layer in lower {
      guard let tree = try? ForeignTree(layer.path), tree.kind(of: path) != nil else { continue }
      return try? tree.content(of: path, limit: 64 << 20)
    }
    return nil
  }
}
