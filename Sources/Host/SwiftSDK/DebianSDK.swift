import FoundationEssentials
import Glibc
import Hashing
import HostSystem
import Sandbox

/// A Swift SDK from Debian's packages: a compiler that runs in a sandbox on the build host, and the libraries for the
/// target architecture.
public struct DebianSDK: Sendable, Equatable, Codable {
  /// The target architecture.
  public var architecture: Architecture
  /// Version of Debian's package `swiftlang`.
  public var version: String
  /// Debian suite of the packages.
  public var suite: String
  /// Size on the disk in bytes.
  public var size: Int64
  /// Time of creation, in seconds since 1970.
  public var made: Int64
  /// Hash of everything that the SDK is made of, a part of the cache key of everything that it compiles.
  public var identity: Digest

  /// Target triple.
  var triple: String { "\(architecture.machine)-unknown-linux-gnu" }
}

/// The SDKs from Debian's packages in a cache.
public struct DebianSDKs: Sendable {
  static let kind = "swift-sdk"

  let cache: Cache

  public init(cache: Cache) {
    self.cache = cache
  }

  /// Returns all SDKs, sorted by architecture, the newest of each first.
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

  /// Returns the newest SDK for an architecture; `nil` if there is none. It stays in the cache while this process runs.
  public func newest(for architecture: Architecture) throws -> DebianSDK? {
    try all().first { $0.architecture == architecture && cache.take(folder(of: $0)) }
  }

  /// Removes the SDKs for an architecture.
  ///
  /// - Throws: ``SDKFailure`` if there is none, or a running build uses one.
  public func remove(_ architecture: Architecture) throws {
    let found = try all().filter { $0.architecture == architecture }
    guard !found.isEmpty else { throw SDKFailure.missing(architecture) }
    for sdk in found {
      guard try cache.remove(Self.kind, sdk.identity) else { throw SDKFailure.inUse(architecture) }
    }
  }

  /// Runs a function with a sandbox for builds, and removes the sandbox's files afterwards.
  ///
  /// - Throws: `SandboxFailure` if this user cannot run sandboxes.
  public func withSandbox(_ body: (Sandbox) async throws -> Void) async throws {
    try await cache.withScratch { try await body(try Sandbox(scratch: $0)) }
  }

  /// Returns the folder of an SDK. It contains `sdk.json`, and the compiler's root file system in `root`.
  public func folder(of sdk: DebianSDK) -> URL { cache.location(Self.kind, sdk.identity) }
}
