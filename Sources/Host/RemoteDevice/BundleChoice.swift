import FoundationEssentials
import HostSystem

extension RemoteUpdate.Source {
  /// A bundle, and before it the small ones beside it that change other releases into the same one: `X.from-KEY.bundle` for
  /// `X.bundle`, the newest first. Which of them fits, the device says before its first write.
  ///
  /// - Throws: `FileFailure` where there is no such file.
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
