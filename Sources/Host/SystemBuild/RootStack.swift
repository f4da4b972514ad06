import BaseImport
import FoundationEssentials
import Glibc
import HostSystem
import struct LinuxSystem.ForeignTree
import Lock
import Sandbox

/// A piece of work that a build of a system is made of.
public struct PlannedPiece: Sendable, Equatable, Encodable {
  /// What it is.
  public var title: String
  /// Whether its result is in the cache.
  public var isCached: Bool

  /// Names a piece.
  public init(title: String, isCached: Bool) {
    self.title = title
    self.isCached = isCached
  }
}

/// A root file system as it grows: layers of an overlay, each the result of one piece of work and kept under the hash of all that
/// it depends on.
struct RootStack: Sendable {
  /// Layers, the lowest first.
  private(set) var layers: [URL] = []
  private var keys: Key
  private let cache: Cache

  /// Whether nothing is done and only noted what would be.
  private let isRehearsal: Bool
  /// Pieces of work, in their order.
  private(set) var pieces: [PlannedPiece] = []
  /// Packages of the layers that are not there, of each layer.
  private(set) var uninstalled: [[DebianPackage]] = []

  /// What a layer and all below it depend on.
  struct Key: Sendable {
    /// Hash of everything: what the layer is kept under.
    var whole: ContentHash
    /// Hash of everything but secrets: the same on every machine, as the hash of a secret is not.
    var withoutSecrets: ContentHash
  }

  /// Hash of everything that the topmost layer depends on.
  var key: ContentHash { keys.whole }
  /// The same without secrets.
  var keyWithoutSecrets: ContentHash { keys.withoutSecrets }

  /// Begins with nothing.
  ///
  /// - Parameters:
  ///   - seed: What every layer depends on: architecture, time.
  ///   - isRehearsal: Whether nothing is done and only noted what would be.
  init(cache: Cache, seed: [String], isRehearsal: Bool = false) {
    self.cache = cache
    self.isRehearsal = isRehearsal
    var key = CacheKey("system-root 1")
    key.add(seed)
    keys = Key(whole: key.hash, withoutSecrets: key.hash)
  }

  /// The layers as an overlay takes them: the topmost first.
  var lower: [URL] { layers.reversed() }

  /// The key of a further layer.
  ///
  /// - Parameters:
  ///   - secrets: Adds the hashes of the secrets that it depends on.
  ///   - inputs: Adds everything else.
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

  /// The folder of a kept layer.
  func folder(of key: ContentHash) -> URL { cache.location("root-layer", key).appending(path: "tree") }

  /// Whether a layer is there already.
  func has(_ key: ContentHash) -> Bool { cache.has("root-layer", key) }

  /// Puts a layer on top: the one of the cache, or what `work` makes of the empty folder that it gets.
  ///
  /// - Parameter packages: Packages that it installs.
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

  /// Makes the folder of a layer; its mode becomes the root's own, whatever the caller's umask.
  static func makeLayer(_ folder: URL) throws(FileFailure) {
    try FolderTree.create(folder.path)
    guard chmod(folder.path, 0o755) == 0 else { throw .last("set the mode of", folder.path) }
  }

  /// Puts an imported base at the bottom.
  mutating func add(_ base: BaseRoot) throws {
    pieces.append(PlannedPiece(title: "base \(base.name)", isCached: true))
    layers.append(base.tree)
    keys = try key("base 1") { $0.add(base.key) }
  }

  /// Puts a layer on top that is not kept: `work` fills the folder, which somebody else removes.
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

  /// The content of a file of the tree, where it is an ordinary one that everybody may read; `nil` where there is none.
  func file(_ path: String) -> [UInt8]? {
    for layer in lower {
      guard let tree = try? ForeignTree(layer.path), tree.kind(of: path) != nil else { continue }
      return try? tree.content(of: path, limit: 64 << 20)
    }
    return nil
  }
}
