import FoundationEssentials
import HostSystem
import RootFilesystem

/// Extended attributes of a root archive that the program which makes the file system ignores.
struct RootAttributes {
  private var entries: [(path: [UInt8], name: String, value: [UInt8])] = []

  /// Reads the attributes from an archive.
  ///
  /// - Parameter isWanted: Selects attributes by name.
  /// - Throws: `FileFailure`.
  init(of archive: String, _ isWanted: (String) -> Bool) throws(FileFailure) {
    var found: [(path: [UInt8], name: String, value: [UInt8])] = []
    try TarReader.read(archive) { member in
      // A hard link has no attributes of its own.
      guard member.kind != UInt8(ascii: "1") else { return }
      for (name, value) in member.attributes where isWanted(name) { found.append((member.path, name, value)) }
    }
    entries = found
  }

  /// Paths without duplicates, in the order of the archive, without a slash at the end.
  var paths: [String] {
    var seen: Set<String> = []
    return entries.map { Self.text($0.path) }.filter { seen.insert($0).inserted }
  }

  /// Writes attribute values and a file of `debugfs` commands that set them to a folder. Returns the commands' file;
  /// `nil` if there are no attributes.
  ///
  /// - Throws: `FileFailure`, also for a path that a command cannot contain.
  func commands(in folder: URL) throws -> URL? {
    guard !entries.isEmpty else { return nil }
    var lines = ""
    for (index, entry) in entries.enumerated() {
      let path = Self.text(entry.path)
      guard !path.contains("\n"), !entry.name.contains(where: \.isWhitespace),
        Array(path.utf8) == Self.plain(entry.path)
      else {
        throw FileFailure(
          "set attributes of", "/\(path)", reason: "its name, or that of an attribute, is not a single line of text")
      }
      let value = folder.appending(path: "\(index)")
      try FolderTree.writeFile(value.path, with: entry.value)
      lines += "ea_set -f \(value.path) \"/\(path.replacing("\"", with: "\"\""))\" \(entry.name)\n"
    }
    let file = folder.appending(path: "commands")
    try FolderTree.writeFile(file.path, with: lines.utf8)
    return file
  }

  private static func plain(_ path: [UInt8]) -> [UInt8] {
    path.last == UInt8(ascii: "/") ? Array(path.dropLast()) : path
  }

  private static func text(_ path: [UInt8]) -> String { String(decoding: plain(path), as: UTF8.self) }
}

/// An error for a file system type that cannot store attributes of the files.
public struct AttributesNotKept: ExplainedError {
  /// The first affected path.
  public var path: String
  /// Number of other affected paths.
  public var others: Int

  public var problem: String {
    "cannot make the root file system: squashfs cannot store access control lists, and \(path)"
      + (others > 0 ? " and \(others) others have one" : " has one")
  }
  public var remedy: String? {
    "choose another file system, like `layout: { use: …, root: erofs }`, or remove them in a step: `setfacl -b`"
  }
}
