import FoundationEssentials
import HostSystem
import Lock

/// The tool suite's `xz`, which decompresses package archives.
///
/// Decompression is the largest part of unpacking. Since version 5.6, xz takes little more than half the time of the
/// older versions on build hosts.
public struct Decompressor: Sendable {
  /// Folder with the program, its libraries and its loader.
  public let folder: URL

  private static let packages: Set = ["libc6", "liblzma5", "xz-utils"]

  /// Unpacks the program, or finds it in the cache.
  ///
  /// - Parameter packages: The packages of the tools.
  /// - Throws: ``ArchiveFailure``, `CommandFailure`, `FileFailure`.
  public init(of packages: [DebianPackage], archive: DebianArchive, cache: Cache) async throws {
    let own = packages.filter { Self.packages.contains($0.name) }
    var key = CacheKey("decompressor 1")
    key.add(own.map(\.sha256.text))
    folder = try await cache.result("decompressor", key.hash) { place in
      for tree in try await archive.trees(of: own) { try LinkedTree.add(tree, to: place) }
    }
  }

  /// Returns the program with its arguments. It decompresses one xz stream from standard input to standard output.
  ///
  /// - Parameter folder: Path of ``folder`` as the calling process sees it.
  public func words(in folder: String) -> [String] {
    [
      "\(folder)/\(ToolTree.loader)", "--library-path", "\(folder)/usr/lib/\(Architecture.host.multiarch)",
      "\(folder)/usr/bin/xz", "-dcq", "-T0", "--single-stream",
      // The hash of the whole archive was already checked.
      "--ignore-check",
    ]
  }

  /// Returns a shell command that writes the files of a package as a tar archive to standard output.
  ///
  /// - Parameters:
  ///   - archive: The archive file, as a shell word.
  ///   - data: The position of the files in the archive file.
  ///   - folder: Path of ``folder``, as a shell word.
  public func command(_ archive: String, _ data: PackageData, folder: String) -> String {
    guard data.isXZ else { return "dpkg-deb --fsys-tarfile \(archive)" }
    return "dd if=\(archive) bs=1M iflag=skip_bytes,count_bytes skip=\(data.offset) count=\(data.size) status=none | "
      + words(in: folder).joined(separator: " ")
  }
}
