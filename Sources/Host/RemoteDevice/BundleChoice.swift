import FoundationEssentials
import HostSystem

extension RemoteUpdate.Source {
  /// Returns a bundle, preceded by the delta bundles beside it, the newest first.
  ///
  /// The delta bundles of `X.bundle` are `X.from-KEY.bundle`. They update other releases to the same release. The
  /// device reports before its first write if a bundle does not fit.
  ///
  /// - Throws: `FileFailure` if the file cannot be read.
  public static func bundle(at file: URL) throws -> RemoteUpdate.Source {
    let folder = file.deletingLastPathComponent()
    guard FileManager.default.isReadableFile(atPath: file.path) else {
      throw FileFailure.last("read", file.path)
    }
    let stem = file.deletingPathExtension().lastPathComponent
    let small = try FolderTree.names(in: folder.path)
      .filter { $0.hasPrefix("\(stem).from-") && $0.hasSuffix(".bundle") }
      .map { folder.appending(path: $0) }
    let dated = small.map {
      ($0, try? FileManager.default.attributesOfItem(atPath: $0.path)[.modificationDate] as? Date)
    }
    return .files(dated.sorted { ($0.1 ?? .distantPast) > ($1.1 ?? .distantPast) }.map(\.0) + [file])
  }
}
