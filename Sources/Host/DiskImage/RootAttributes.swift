import FoundationEssentials
import HostSystem
import RootFilesystem

/// Extended attributes of a root archive that a program which makes file systems passes over.
struct RootAttributes {
  private var entries: [(path: [UInt8], name: String, value: [UInt8])] = []

  /// Reads an archive.
  ///
  /// - Parameter isWanted: Told the name of an attribute.
  /// - Throws: `FileFailure`.
  init(of archive: String, _ isWanted: (String) -> Bool) throws(FileFailure) {
    var found: [(path: [UInt8], name: String, value: [UInt8])] = []
    try TarReader.read(archive) { member in
      // A further name of a file has no attributes of its own.
      guard member.kind != UInt8(ascii: "1") else { return }
      for (name, value) in member.attributes where isWanted(name) { found.append((member.path, name, value)) }
    }
    entries = found
  }

  /// Paths in the root, each once, in the archive's order, without a slash at the ends.
  var paths: [String] {
    var seen: Set<String> = []
    return entries.map { Self.text($0.path) }.filter { seen.insert($0).inserted }
  }

  /// Writes commands of `debugfs` that set the attributes, and their values, into a folder; `nil` where there are none.
  ///
  /// - Throws: `FileFailure`, also for a path that cannot be written in a command.
  func commands(in folder: URL) throws -> URL? {
    guard !entries.isEmpty else { return nil }
    var lines = ""
    for (index, entry) in entries.enumerated() {
      let path = Self.text(entry.path)
      guard !path.contains("\n"), !entry.name.contains(where: \.isWhitespace),
        Array(path.utf8) == Self.plain(entry.path)
      else {
        throw FileFailure(
          "set attributes of", "/\(path)", reason: "its name, or that of an attribute, is no single line of text")
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

/// A root file system whose kind does not keep what files in it have.
public struct AttributesNotKept: ExplainedError {
  /// The first path.
  public var path: String
  /// Number of further paths.
  public var others: Int

  /// What was being done, and what was wrong.
  public var problem: String {
    "cannot make the root file system: squashfs keeps no access control lists, and \(path)"
      + (others > 0 ? " and \(others) others have one" : " has one")
  }
  /// What the user can do now.
  public var remedy: String? {
    "take another kind, as in `layout: { use: …, root: erofs }`, or remove them in a step: `setfacl -b`"
  }
}
