import Glibc
import LinuxSystem

/// dpkg's database in a tree, by the files that dpkg 1.21 and 1.22 have (doc/internals in its sources; `dpkg(1)`, "Files").
struct PackageDatabase: Sendable {
  static let path = "/var/lib/dpkg"

  /// The folder; a path without links.
  let folder: String

  /// Opens the database of a tree, and makes its folders where they are missing.
  ///
  /// - Parameter tree: The tree, whose links are followed in it.
  /// - Throws: `SystemError`.
  init(in tree: TreeRoot) throws(SystemError) {
    place = try tree.folder(Self.path)
    folder = place.path
    for name in ["info", "updates", "triggers"] { _ = try tree.folder("\(Self.path)/\(name)") }
  }

  // It keeps the path of the folder alive.
  private let place: Descriptor

  // MARK: Reading

  /// Bytes of a file; empty where it is missing.
  ///
  /// - Throws: `SystemError`.
  func read(_ name: String) throws(SystemError) -> [UInt8] {
    guard FileTree.exists("\(folder)/\(name)") else { return [] }
    return try FileTree.read("\(folder)/\(name)", limit: 1 << 30)
  }

  /// Lines of a file; none where it is missing.
  ///
  /// - Throws: `SystemError`.
  func lines(_ name: String) throws(SystemError) -> [ArraySlice<UInt8>] {
    try read(name).split(separator: UInt8(ascii: "\n"))
  }

  /// Every path of the packages that were installed before.
  ///
  /// - Throws: `SystemError`.
  func paths() throws(SystemError) -> Set<TreePath> {
    var paths: Set<TreePath> = []
    for name in FileTree.names(in: "\(folder)/info") where name.hasSuffix(".list") {
      for line in try lines("info/\(name)") { paths.insert(TreePath(line)) }
    }
    return paths
  }

  /// Paths of one package, by the beginning of its files' names.
  ///
  /// - Throws: `SystemError`.
  func paths(of stem: String) throws(SystemError) -> [TreePath] { try lines("info/\(stem).list").map { TreePath($0) } }

  /// Paths that a package wants elsewhere, with the package: three lines for each (`dpkg-divert(1)`).
  ///
  /// - Throws: `SystemError`.
  func diversions() throws(SystemError) -> [(path: TreePath, package: String)] {
    let lines = try lines("diversions")
    return stride(from: 0, to: lines.count - lines.count % 3, by: 3).map {
      (TreePath(lines[$0]), String(decoding: lines[$0 + 2], as: UTF8.self))
    }
  }

  /// Paths with an owner and rights of their own (`dpkg-statoverride(1)`): user, group, mode and path in a line.
  ///
  /// - Throws: `SystemError`.
  func overridden() throws(SystemError) -> Set<TreePath> {
    Set(
      try lines("statoverride").compactMap { line in
        let words = line.split(separator: UInt8(ascii: " "), maxSplits: 3)
        return words.count == 4 ? TreePath(words[3]) : nil
      })
  }

  /// Paths in whose change packages are interested (`deb-triggers(5)`).
  ///
  /// - Throws: `SystemError`.
  func triggerPaths() throws(SystemError) -> Set<TreePath> {
    Set(
      try lines("triggers/File").compactMap { line in
        line.split(separator: UInt8(ascii: " ")).first.map { TreePath($0) }
      })
  }

  // MARK: Writing

  /// Writes a file of `info`.
  ///
  /// - Throws: `SystemError`.
  func write(_ bytes: [UInt8], toInformation name: String, mode: mode_t = 0o644) throws(SystemError) {
    let path = "\(folder)/info/\(name)"
    let file = try Descriptor(opening: path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: mode)
    try file.write(all: bytes)
    guard fchmod(file.number, mode) == 0 else { throw SystemError("set the mode of", path) }
  }

  /// Adds to the end of a file, and makes it where it is missing.
  ///
  /// - Throws: `SystemError`.
  func append(_ text: String, to name: String) throws(SystemError) {
    let file = try Descriptor(opening: "\(folder)/\(name)", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW)
    try file.write(all: Array(text.utf8))
  }

  /// Writes a file.
  ///
  /// - Throws: `SystemError`.
  func write(_ text: String, to name: String) throws(SystemError) {
    let file = try Descriptor(opening: "\(folder)/\(name)", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
    try file.write(all: Array(text.utf8))
  }
}
