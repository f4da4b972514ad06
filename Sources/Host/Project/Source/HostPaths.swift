import FoundationEssentials

extension URL {
  /// The file at a path that a user wrote, seen from this folder.
  func file(at path: String) -> URL {
    URL(fileURLWithPath: path, relativeTo: URL(fileURLWithPath: self.path, isDirectory: true)).standardizedFileURL
  }

  /// The path as it is shown to the user: relative for what lies below the folder, absolute for the rest.
  public func displayPath(relativeTo folder: URL) -> String {
    let path = standardizedFileURL.path
    let base = folder.standardizedFileURL.path
    let prefix = base.hasSuffix("/") ? base : base + "/"
    return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
  }
}
