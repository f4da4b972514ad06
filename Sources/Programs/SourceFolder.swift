import Foundation
import Glibc
import HostSystem

/// The content of a folder with sources, as far as it can matter to a build.
enum SourceFolder {
  /// Folders that tools make for themselves; what is in them follows from the rest.
  private static let ignored: Set<String> = [".git", ".build", ".swiftpm", "target", "node_modules", ".cultivar"]

  /// Hash of all files below a folder: paths, run bits, contents and links.
  ///
  /// - Throws: `FileFailure`.
  static func identity(_ folder: String) throws(FileFailure) -> ContentHash {
    var key = CacheKey("source-folder 1")
    try add(folder, relative: "", to: &key)
    return key.hash
  }

  private static func add(_ folder: String, relative: String, to key: inout CacheKey) throws(FileFailure) {
    for name in try names(folder) where !ignored.contains(name) && !name.hasPrefix(".build") {
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

  private static func names(_ folder: String) throws(FileFailure) -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    } catch {
      throw FileFailure("read the folder", folder, reason: error.localizedDescription)
    }
  }
}
