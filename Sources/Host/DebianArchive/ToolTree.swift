import FoundationEssentials
import Glibc
import Hashing
import HostSystem
import Lock

/// The programs that make images. They come from Debian packages of one fixed suite and run from the cache.
///
/// The build host's own versions are not used and nothing is installed there, so the same project gives the same bytes
/// on another host. Each program runs with the dynamic loader and the libraries of its suite.
public struct ToolTree: Sendable {
  /// The suite of the tools. It is fixed for a version of Cultivar, as another suite can change the bytes of an image.
  public static let suite = "trixie"

  /// The packages, for file systems, FAT access, boot loader images, kernel modules and compression.
  static let packages = [
    "dosfstools", "e2fsprogs", "erofs-utils", "grub-common", "kmod", "libarchive13t64", "mtools", "squashfs-tools",
    "xz-utils", "zstd",
  ]

  /// Folder of the tree: `usr/bin`, `usr/sbin`, `usr/lib`.
  public let folder: URL
  /// Hash of the packages, a part of the cache key of everything that the tools make.
  public let identity: Digest

  /// The request for the tree's packages.
  public static var request: PackageRequest {
    PackageRequest(packages, scope: .closure, suite: suite, architecture: Architecture.host.rawValue)
  }

  /// Fetches the tools, or finds them in the cache.
  ///
  /// - Throws: ``ArchiveFailure``, `CommandFailure`, `FileFailure`.
  public init(archive: DebianArchive, cache: Cache) async throws {
    let packages = try await archive.packages(for: [Self.request])[Self.request] ?? []
    identity = Self.identity(of: packages)
    folder = try await cache.result("tools", identity) { place in
      let decompressor = try await Decompressor(of: packages, archive: archive, cache: cache)
      for tree in try await archive.trees(of: packages, by: decompressor) { try LinkedTree.add(tree, to: place) }
    }
  }

  /// Computes the identity of a tree before the tree exists.
  ///
  /// - Parameter packages: The resolved packages of ``request``.
  public static func identity(of packages: [DebianPackage]) -> Digest {
    var key = CacheKey("tool-tree 1")
    key.add(packages.map(\.sha256.text))
    return key.hash
  }

  /// Fetches the packages of a tree that are not in the cache. The tree can then be made while other work fetches.
  ///
  /// - Throws: ``ArchiveFailure``, `CommandFailure`, `FileFailure`.
  public static func fetch(_ packages: [DebianPackage], archive: DebianArchive, cache: Cache) async throws {
    guard !cache.has("tools", identity(of: packages)) else { return }
    try await archive.fetchForTrees(packages)
  }

  /// Returns the command that runs one of the tools.
  ///
  /// - Parameter name: Name of the program, as in `PATH`.
  public func command(
    _ name: String, _ arguments: [String], to purpose: String, environment: [String: String?] = [:],
    in workingFolder: String? = nil, input: HostCommand.Input = .none
  ) -> HostCommand {
    let root = folder.path
    let places: [String] = ["usr/sbin", "usr/bin"].map { "\(root)/\($0)/\(name)" }
    let program = places.first { FileManager.default.isExecutableFile(atPath: $0) } ?? "\(root)/usr/bin/\(name)"
    let libraries = "\(root)/usr/lib/\(Architecture.host.multiarch)"
    var variables = environment
    variables["LC_ALL"] = "C.UTF-8"
    variables["TZ"] = "UTC"
    variables["MKE2FS_CONFIG"] = "\(root)/etc/mke2fs.conf"
    variables["MTOOLSRC"] = "/dev/null"
    return HostCommand(
      file: "\(root)/\(Self.loader)",
      ["--library-path", libraries, "--argv0", name, program] + arguments,
      to: purpose, environment: variables, in: workingFolder, input: input)
  }

  /// Path of the suite's dynamic loader in the tree.
  static var loader: String {
    switch Architecture.host {
    case .amd64: "usr/lib64/ld-linux-x86-64.so.2"
    case .arm64: "usr/lib/ld-linux-aarch64.so.1"
    }
  }
}
