import Glibc
import LinuxSystem

/// dpkg's database in a tree, with the files of dpkg 1.21 and 1.22 (doc/internals in its sources; `dpkg(1)`, "Files").
struct PackageDatabase: Sendable {
  static let path = "/var/lib/dpkg"

  /// Path of the folder, without links.
  let folder: String

  /// Opens the database of a tree, and creates its missing folders.
  ///
  /// - Parameter tree: The tree. Links are followed inside it.
  /// - Throws: `SystemError`.
  init(in tree: TreeRoot) throws(SystemError) {
    place = try tree.folder(Self.path)
    folder = place.path
    for name in ["info", "updates", "triggers"] { _ = try tree.folder("\(Self.path)/\(name)") }
  }

  // Keeps the path of the folder valid.
  private let place: Descriptor

  // MARK: Reading

  /// Reads a file of the database; empty if it is missing.
  ///
  /// - Throws: `SystemError`.
  func read(_ name: String) throws(SystemError) -> [UInt8] {
    guard FileTree.exists("\(folder)/\(name)") else { return [] }
    return try FileTree.read("\(folder)/\(name)", limit: 1 << 30)
  }

  /// Reads the lines of a file; none if it is missing.
  ///
  /// - Throws: `SystemError`.
  func lines(_ name: String) throws(SystemError) -> [ArraySlice<UInt8>] {
    try read(name).split(separator: UInt8(ascii: "\n"))
  }

  /// Returns all paths of the packages that are already installed.
  ///
  /// - Throws: `SystemError`.
  func paths() throws(SystemError) -> Set<TreePath> {
    var paths: Set<TreePath> = []
    for name in FileTree.names(in: "\(folder)/info") where name.hasSuffix(".list") {
      for line in try lines("info/\(name)") { paths.insert(TreePath(line)) }
    }
    return paths
  }

  /// Returns the paths of one package.
  ///
  /// - Throws: `SystemError`.
  func paths(of stem: String) throws(SystemError) -> [TreePath] { try lines("info/\(stem).list").map { TreePath($0) } }

  /// Returns the diverted paths, each with the package that diverts it (`dpkg-divert(1)`). Each takes three lines.
  ///
  /// - Throws: `SystemError`.
  func diversions() throws(SystemError) -> [(path: TreePath, package: String)] {
    let lines = try lines("diversions")
    return stride(from: 0, to: lines.count - lines.count % 3, by: 3).map {
      (TreePath(lines[$0]), String(decoding: lines[$0 + 2], as: UTF8.self))
    }
  }

  /// Returns the paths with overridden ownership and mode (`dpkg-statoverride(1)`). A line has user, group, mode and
  /// path.
  ///
  /// - Throws: `SystemError`.
  func overridden() throws(SystemError) -> Set<TreePath> {
    Set(
      try lines("statoverride").compactMap { line in
        let words = line.split(separator: UInt8(ascii: " "), maxSplits: 3)
        return words.count == 4 ? TreePath(words[3]) : nil
      })
  }

  /// Returns the paths that packages have file triggers for (`deb-triggers(5)`).
  ///
  /// - Throws: `SystemError`.
  func triggerPaths() throws(SystemError) -> Set<TreePath> {
    Set(
      try lines("triggers/File").compactMap { line in
        line.split(separator: UInt8(ascii: " ")).first.map { TreePath($0) }
      })
  }

  // MARK: Writing

  /// Writes a file in the `info` folder.
  ///
  /// - Throws: `SystemError`.
  func write(_ bytes: [UInt8], toInformation name: String, mode: mode_t = 0o644) throws(SystemError) {
    let path = "\(folder)/info/\(name)"
    let file = try Descriptor(opening: path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: mode)
    try file.write(all: bytes)
    guard fchmod(file.number, mode) == 0 else { throw SystemError("set the mode of", path) }
  }

  /// Appends to a file, and creates it if it is missing.
  ///
  /// - Throws: `SystemError`.
  func append(_ text: String, to name: String) throws(SystemError) {
    let file = try Descriptor(opening: "\(folder)/\(name)", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW)
    try file.write(all: Array(text.utf8))
  }

  /// Writes a file in the database's folder.
  ///
  /// - Throws: `SystemError`.
  func write(_ text: String, to name: String) throws(SystemError) {
    let file = try Descriptor(opening: "\(folder)/\(name)", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
    try file.write(all: Array(text.utf8))
  }
}
