import FoundationEssentials

extension URL {
  /// Returns the file at a path, which is absolute or relative to this folder.
  func file(at path: String) -> URL {
    URL(fileURLWithPath: path, relativeTo: URL(fileURLWithPath: self.path, isDirectory: true)).standardizedFileURL
  }

  /// Returns the path to show to the user: relative for files below the folder, absolute for other files.
  public func displayPath(relativeTo folder: URL) -> String {
    let path = standardizedFileURL.path
    let base = folder.standardizedFileURL.path
    let prefix = base.hasSuffix("/") ? base : base + "/"
    return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
  }
}
