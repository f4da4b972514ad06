import FoundationEssentials
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
    try FolderTree.identity(of: folder, entries: entries(in:))
  }

  private static func entries(in folder: String) throws(FileFailure) -> [String] {
    try FolderTree.names(in: folder).filter { name in
      !ignored.contains(name) && !name.hasPrefix(".build") && access("\(folder)/\(name)/\(madeByTools)", F_OK) != 0
    }
  }
}
