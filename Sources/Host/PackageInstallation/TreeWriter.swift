import Glibc
import LinuxSystem

/// Writes the files of one package into a tree. Each path is resolved inside the tree.
struct TreeWriter {
  /// The metadata of a folder in the package.
  struct Folder {
    var mode: mode_t
    var owner: uid_t
    var group: gid_t
    var time: Int64
    /// True if the folder did not exist before.
    var isNew: Bool
  }

  private let tree: TreeRoot
  private let package: InstallationPlan.Package
  private let conffiles: Set<TreePath>
  private let rules: PathRules
  private var parent: (path: TreePath, folder: Descriptor)?

  /// All paths of the package, in the order of its archive.
  private(set) var paths: [TreePath] = []
  private(set) var folders: [TreePath: Folder] = [:]

  /// - Parameter conffiles: Paths of configuration files. They are written under a temporary name, which dpkg changes
  ///   when it configures the package.
  init(_ package: InstallationPlan.Package, in tree: TreeRoot, conffiles: Set<TreePath>, rules: PathRules) {
    self.package = package
    self.tree = tree
    self.conffiles = conffiles
    self.rules = rules
  }

  /// Writes all entries of an archive.
  ///
  /// - Throws: ``InstallationFailure``, `SystemError`.
  mutating func write(_ reader: inout TarReader) throws {
    while let entry = try reader.next() {
      paths.append(entry.path)
      // Excluded folders are written too, and removed at the end if they are empty.
      guard entry.kind == .folder || rules.keep(entry.path) else { continue }
      try write(entry, from: &reader)
    }
  }

  private mutating func write(_ entry: TarReader.Entry, from reader: inout TarReader) throws {
    guard entry.path != .root else {
      folders[.root] = Folder(mode: entry.mode, owner: entry.owner, group: entry.group, time: entry.time, isNew: false)
      return
    }
    let path = place(of: entry.path)
    let folder = try self.folder(above: path).number
    let name = path.name.cString
    switch entry.kind {
    case .folder: try makeFolder(entry, in: folder, name)
    case .file:
      let file = try make(entry.path, in: folder, name) {
        openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      }
      defer { close(file) }
      try reader.writeContents(to: file, path: entry.path)
      // The owner is set first, as setting it clears the set-ID bits.
      try succeed("set the owner of", entry.path, fchown(file, entry.owner, entry.group))
      try succeed("set the mode of", entry.path, fchmod(file, entry.mode))
      var times = Self.times(entry.time)
      try succeed("set the time of", entry.path, futimens(file, &times))
    case .hardLink(let target):
      let target = place(of: target)
      let source = target.parent == path.parent ? folder : try open(folder: target.parent ?? .root).number
      let targetName = target.name.cString
      try make(entry.path, in: folder, name) { linkat(source, targetName, folder, name, 0) }
    case .symbolicLink(let target):
      // An equal link is not replaced, as other packages may be unpacked through it at the same time.
      guard Self.link(in: folder, name) != target else { break }
      let text = target.cString
      try make(entry.path, in: folder, name) { symlinkat(text, folder, name) }
      try setOwner(of: entry, in: folder, name)
    case .node(let type, let device):
      try make(entry.path, in: folder, name) { mknodat(folder, name, type | 0o600, device) }
      try setOwner(of: entry, in: folder, name)
      try succeed("set the mode of", entry.path, fchmodat(folder, name, entry.mode, 0))
    }
  }

  private func place(of path: TreePath) -> TreePath {
    conffiles.contains(path) ? TreePath(path.bytes + Array(".dpkg-new".utf8)) : path
  }

  private mutating func makeFolder(_ entry: TarReader.Entry, in folder: Int32, _ name: [CChar]) throws {
    var isNew = true
    if mkdirat(folder, name, 0o755) != 0 {
      guard errno == EEXIST else { throw SystemError("make the folder", entry.path.text) }
      isNew = false
      // A link to a folder is kept, as dpkg does.
      guard try tree.hasFolder(entry.path) else {
        throw InstallationFailure("\(entry.path.text) is a folder in \(package.stem), but not in the tree")
      }
    }
    folders[entry.path] = Folder(
      mode: entry.mode, owner: entry.owner, group: entry.group, time: entry.time, isNew: isNew)
  }

  /// Makes a file, and replaces an existing one.
  @discardableResult
  private func make(_ path: TreePath, in folder: Int32, _ name: [CChar], _ body: () -> Int32) throws -> Int32 {
    var result = body()
    if result < 0, errno == EEXIST {
      guard unlinkat(folder, name, 0) == 0 else {
        guard errno == EISDIR else { throw SystemError("replace", path.text) }
        throw InstallationFailure("\(path.text) is a folder in the tree, but not in \(package.stem)")
      }
      result = body()
    }
    guard result >= 0 else { throw SystemError("make", path.text) }
    return result
  }

  private func setOwner(of entry: TarReader.Entry, in folder: Int32, _ name: [CChar]) throws {
    try succeed(
      "set the owner of", entry.path, fchownat(folder, name, entry.owner, entry.group, AT_SYMLINK_NOFOLLOW))
    var times = Self.times(entry.time)
    try succeed("set the time of", entry.path, utimensat(folder, name, &times, AT_SYMLINK_NOFOLLOW))
  }

  private func succeed(_ operation: String, _ path: TreePath, _ result: Int32) throws(SystemError) {
    guard result == 0 else { throw SystemError(operation, path.text) }
  }

  /// Returns the target of a symbolic link; `nil` if there is no link.
  private static func link(in folder: Int32, _ name: [CChar]) -> [UInt8]? {
    var text = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlinkat(folder, name, &text, text.count)
    return length < 0 ? nil : text.prefix(length).map(UInt8.init(bitPattern:))
  }

  static func times(_ seconds: Int64) -> [timespec] {
    [timespec](repeating: timespec(tv_sec: Int(seconds), tv_nsec: 0), count: 2)
  }

  // MARK: Folders

  /// Returns the folder that contains a path. It is cached, as an archive's entries are sorted by folder.
  private mutating func folder(above path: TreePath) throws -> Descriptor {
    let above = path.parent ?? .root
    if let parent, parent.path == above { return parent.folder }
    let folder = try open(folder: above)
    parent = (above, folder)
    return folder
  }

  private func open(folder path: TreePath) throws -> Descriptor {
    guard let folder = try tree.open(path.text, Descriptor.pathOnly | O_DIRECTORY) else {
      throw InstallationFailure("\(package.stem) has files in \(path.text), but not the folder itself")
    }
    return folder
  }
}
