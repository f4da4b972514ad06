import FoundationEssentials
import Glibc
import Hashing
import HostSystem

/// The content of a folder with sources that can affect a build.
enum SourceFolder {
  /// Folders that tools generate from the other content.
  private static let ignored: Set<String> = [".git", ".build", ".swiftpm", ".cultivar"]
  /// The file that marks a folder as generated (Cache Directory Tagging Specification), such as Cargo's `target`. A
  /// test of the folder's name alone would also exclude a source folder with that name.
  private static let madeByTools = "CACHEDIR.TAG"

  /// Computes the hash of all files in a folder: paths, execute permission, contents and links.
  ///
  /// - Throws: `FileFailure`.
  static func identity(_ folder: String) throws(FileFailure) -> Digest {
    try FolderTree.identity(of: folder, entries: entries(in:))
  }

  private static func entries(in folder: String) throws(FileFailure) -> [String] {
    try FolderTree.names(in: folder).filter { name in
      !ignored.contains(name) && !name.hasPrefix(".build") && access("\(folder)/\(name)/\(madeByTools)", F_OK) != 0
    }
  }
}
