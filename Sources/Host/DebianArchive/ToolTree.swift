import FoundationEssentials
import Glibc
import HostSystem
import Lock

/// The programs that make images, from Debian packages of one fixed suite, run where they lie in the cache.
///
/// The build host's own versions play no part, so the same project gives the same bytes on another host; nothing is
/// installed there. Each program is started by the dynamic loader of its own suite, with its own libraries.
public struct ToolTree: Sendable {
  /// The suite of the tools: part of this version of Cultivar, as a change of it can change the bytes of an image.
  public static let suite = "trixie"

  /// The packages: file systems, FAT access, boot loader images, kernel modules, compression.
  static let packages = [
    "dosfstools", "e2fsprogs", "erofs-utils", "grub-common", "kmod", "libarchive13t64", "mtools", "squashfs-tools",
    "xz-utils", "zstd",
  ]

  /// Folder of the tree: `usr/bin`, `usr/sbin`, `usr/lib`.
  public let folder: URL
  /// Hash of the packages: part of the key of whatever the tools make.
  public let identity: ContentHash

  /// The request that the tree is made of.
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

  /// The identity of a tree, before there is one.
  ///
  /// - Parameter packages: What the request came to.
  public static func identity(of packages: [DebianPackage]) -> ContentHash {
    var key = CacheKey("tool-tree 1")
    key.add(packages.map(\.sha256.text))
    return key.hash
  }

  /// Fetches what a tree is made of and the cache has not, so that the tree can be made beside other work that fetches.
  ///
  /// - Throws: ``ArchiveFailure``, `CommandFailure`, `FileFailure`.
  public static func fetch(_ packages: [DebianPackage], archive: DebianArchive, cache: Cache) async throws {
    guard !cache.has("tools", identity(of: packages)) else { return }
    try await archive.fetchForTrees(packages)
  }

  /// Gives the command that runs one of the tools.
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
