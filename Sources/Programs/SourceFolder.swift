import Foundation
import Glibc
import HostSystem

/// The content of a folder with sources, as far as it can matter to a build.
enum SourceFolder {
  /// Folders that tools make for themselves; what is in them follows from the rest.
  private static let ignored: Set<String> = [".git", ".build", ".swiftpm", ".cultivar"]
  /// The file by which a tool says that a folder is made from others (Cache Directory Tagging Specification): Cargo's
  /// `target` and the folders of artefacts have it. A name alone would leave out a folder of sources so called.
  private static let madeByTools = "CACHEDIR.TAG"

  /// Hash of all files below a folder: paths, run bits, contents and links.
  ///
  /// - Throws: `FileFailure`.
  static func identity(_ folder: String) throws(FileFailure) -> ContentHash {
    var key = CacheKey("source-folder 1")
    try add(folder, relative: "", to: &key)
    return key.hash
  }

  private static func add(_ folder: String, relative: String, to key: inout CacheKey) throws(FileFailure) {
    let names = try FolderTree.names(in: folder)
    guard relative.isEmpty || !names.contains(madeByTools) else { return }
    for name in names where !ignored.contains(name) && !name.hasPrefix(".build") {
      let path = "\(folder)/\(name)"
      let place = relative.isEmpty ? name : "\(relative)/\(name)"
      var status = stat()
      guard lstat(path, &status) == 0 else { throw .last("read", path) }
      switch status.st_mode & S_IFMT {
      case S_IFDIR: try add(path, relative: place, to: &key)
      case S_IFREG:
        key.add(place)
        key.add(status.st_mode & 0o111 == 0 ? "file" : "program")
        key.add(try ContentHash(ofFile: path))
      case S_IFLNK:
        key.add(place)
        key.add("link \((try? FileManager.default.destinationOfSymbolicLink(atPath: path)) ?? "")")
      default: continue
      }
    }
  }
}
