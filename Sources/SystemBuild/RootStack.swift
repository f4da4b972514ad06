import BaseImport
import Foundation
import Glibc
import HostSystem
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
  /// Hash of everything that the topmost layer depends on.
  private(set) var key: ContentHash
  private let cache: Cache

  /// The key as it was before a layer with secrets was put on top.
  private(set) var keyWithoutSecrets: ContentHash?
  /// Whether nothing is done and only noted what would be.
  private let isRehearsal: Bool
  /// Pieces of work, in their order.
  private(set) var pieces: [PlannedPiece] = []

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
    self.key = key.hash
  }

  /// The layers as an overlay takes them: the topmost first.
  var lower: [URL] { layers.reversed() }

  /// The key of a further layer.
  func key(_ step: String, _ inputs: (inout CacheKey) throws -> Void) rethrows -> ContentHash {
    var next = CacheKey(step)
    next.add(key)
    try inputs(&next)
    return next.hash
  }

  /// The folder of a kept layer.
  func folder(of key: ContentHash) -> URL { cache.location("root-layer", key).appending(path: "tree") }

  /// Whether a layer is there already.
  func has(_ key: ContentHash) -> Bool { access(cache.location("root-layer", key).path, F_OK) == 0 }

  /// Puts a layer on top: the one of the cache, or what `work` makes of the empty folder that it gets.
  mutating func add(
    _ key: ContentHash, called title: String, work: (_ upper: URL) async throws -> Void
  ) async throws {
    pieces.append(PlannedPiece(title: title, isCached: has(key)))
    guard !isRehearsal else {
      self.key = key
      return
    }
    let place = try await cache.result("root-layer", key) { folder in
      let upper = folder.appending(path: "tree")
      try FolderTree.create(upper.path)
      // It becomes the root's own mode, whatever the caller's umask.
      guard chmod(upper.path, 0o755) == 0 else { throw FileFailure.last("set the mode of", upper.path) }
      try await work(upper)
    }
    layers.append(place.appending(path: "tree"))
    self.key = key
  }

  /// Puts an imported base at the bottom.
  mutating func add(_ base: BaseRoot) {
    pieces.append(PlannedPiece(title: "base \(base.name)", isCached: true))
    layers.append(base.tree)
    key = key("base 1") { $0.add(base.key) }
  }

  /// Puts a layer on top that is not kept: `work` fills the folder, which somebody else removes.
  mutating func add(
    _ key: ContentHash, at upper: URL, called title: String, work: (_ upper: URL) async throws -> Void
  ) async throws {
    pieces.append(PlannedPiece(title: title, isCached: false))
    keyWithoutSecrets = self.key
    self.key = key
    guard !isRehearsal else { return }
    try FolderTree.create(upper.path)
    guard chmod(upper.path, 0o755) == 0 else { throw FileFailure.last("set the mode of", upper.path) }
    try await work(upper)
    layers.append(upper)
  }

  /// The piece of work that brought a file.
  func origin(of path: String) -> String {
    for (layer, piece) in zip(layers, pieces).reversed() {
      var status = stat()
      if lstat(layer.appending(path: path).path, &status) == 0 { return piece.title }
    }
    return "the build"
  }

  /// The content of a file of the tree, where it is an ordinary one that everybody may read; `nil` where there is none.
  func file(_ path: String) -> [UInt8]? {
    for layer in lower {
      let place = layer.appending(path: path).path
      var status = stat()
      guard lstat(place, &status) == 0 else { continue }
      return status.st_mode & S_IFMT == S_IFREG ? try? FolderTree.readFile(place) : nil
    }
    return nil
  }
}
