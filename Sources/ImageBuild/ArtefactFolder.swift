import DiskImage
import Foundation
import Glibc
import HostSystem

/// The folder that the artefacts of one image are written to.
public struct ArtefactFolder: Sendable {
  /// The folder.
  public let folder: URL
  /// Name of the image.
  public let name: String

  /// Names the folder; nothing is made.
  public init(_ folder: URL, name: String) {
    self.folder = folder
    self.name = name
  }

  /// The disk image.
  public var image: URL { folder.appending(path: "\(name).img") }
  /// What the build made.
  public var manifest: URL { folder.appending(path: "manifest.json") }
  /// What the image file was when it was written, so that it need not be written again.
  private var stamp: URL { folder.appending(path: ".written") }

  /// Writes the artefacts; an image that is there already, untouched since it was written for the same inputs, stays.
  ///
  /// - Throws: `FileFailure`, `GPTError`.
  func write(_ disk: DiskImage, manifest content: BuildManifest) throws {
    try FolderTree.create(folder.path)
    try mark()
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let text = Array(try encoder.encode(content)) + [0x0a]
    let key = try disk.identity().text
    if let present = Self.state(of: image), (try? FolderTree.readFile(stamp.path)) == Array("\(key) \(present)".utf8),
      (try? FolderTree.readFile(manifest.path)) == text
    {
      return
    }
    try disk.write(to: image.path)
    try FolderTree.replaceFile(manifest.path, with: text)
    if let present = Self.state(of: image) { try FolderTree.replaceFile(stamp.path, with: "\(key) \(present)".utf8) }
  }

  /// Marks the folder as made by a tool, so that backups may pass it over, and a package around it is not thought to
  /// have changed (Cache Directory Tagging Specification).
  private func mark() throws(FileFailure) {
    let tag = folder.appending(path: "CACHEDIR.TAG").path
    guard access(tag, F_OK) != 0 else { return }
    let text = "Signature: 8a477f597d28d172789f06886806bc55\n# Artefacts of cultivar build; it makes them again.\n"
    try FolderTree.replaceFile(tag, with: text.utf8)
  }

  /// What changes whenever a file is written: size, inode, and time of modification.
  private static func state(of file: URL) -> String? {
    var status = stat()
    guard stat(file.path, &status) == 0 else { return nil }
    return "\(status.st_size) \(status.st_ino) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
  }
}
