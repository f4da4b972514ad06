import FoundationEssentials
import Glibc
import HostSystem
import Sandbox

/// A Swift SDK that was made of Debian's packages: a compiler that runs on the build host, in a sandbox, and the libraries of the
/// architecture that it compiles for.
public struct DebianSDK: Sendable, Equatable, Codable {
  /// What it compiles for.
  public var architecture: Architecture
  /// Version of Debian's package `swiftlang`.
  public var version: String
  /// Debian suite of the packages.
  public var suite: String
  /// Bytes on the disk.
  public var size: Int64
  /// When it was made, in seconds since 1970.
  public var made: Int64
  /// Hash of all that it was made of: part of the key of whatever it compiles.
  public var identity: ContentHash

  /// Triple of what it compiles.
  var triple: String { "\(architecture.machine)-unknown-linux-gnu" }
}

/// The SDKs of Debian's packages that are in a cache.
public struct DebianSDKs: Sendable {
  static let kind = "swift-sdk"

  let cache: Cache

  /// Looks into a cache.
  public init(cache: Cache) {
    self.cache = cache
  }

  /// All that are there, by architecture, the newest of each first.
  public func all() throws -> [DebianSDK] {
    let store = cache.folder.appending(path: "store/\(Self.kind)").path
    guard access(store, F_OK) == 0 else { return [] }
    return try FolderTree.names(in: store).compactMap { name in
      // Another process may remove it at the same time.
      (try? FolderTree.readFile("\(store)/\(name)/sdk.json")).flatMap {
        try? JSONDecoder().decode(DebianSDK.self, from: Data($0))
      }
    }.sorted { ($0.architecture.rawValue, -$0.made) < ($1.architecture.rawValue, -$1.made) }
  }

  /// The newest for an architecture, which then stays in the cache as long as this process runs; `nil` where there is none.
  public func newest(for architecture: Architecture) throws -> DebianSDK? {
    try all().first { $0.architecture == architecture && cache.take(folder(of: $0)) }
  }

  /// Removes those for an architecture.
  ///
  /// - Throws: ``SDKFailure`` where there is none, or a running build uses it.
  public func remove(_ architecture: Architecture) throws {
    let found = try all().filter { $0.architecture == architecture }
    guard !found.isEmpty else { throw SDKFailure.missing(architecture) }
    for sdk in found {
      guard try cache.remove(Self.kind, sdk.identity) else { throw SDKFailure.inUse(architecture) }
    }
  }

  /// Gives a sandbox for builds to a function; it is gone afterwards.
  ///
  /// - Throws: `SandboxFailure` where this user cannot have any.
  public func withSandbox(_ body: (Sandbox) async throws -> Void) async throws {
    try await cache.withScratch { try await body(try Sandbox(scratch: $0)) }
  }

  /// Where an SDK is: `sdk.json`, and the compiler's root in `root`.
  public func folder(of sdk: DebianSDK) -> URL { cache.location(Self.kind, sdk.identity) }
}
