import Glibc
import LinuxSystem
import Synchronization

/// Unpacks new packages into a tree, in parallel, and writes dpkg's database for them.
///
/// The database is the same as dpkg's for packages that are unpacked and not configured (`dpkg(1)`, "Package states").
///
/// Cases with special rules are left to dpkg: a file in two packages, diversions, overridden ownership, and
/// configuration files that already exist. They are found before or during unpacking and reported as an error. The tree
/// is unusable after an error.
public struct PackageUnpacking: Sendable {
  private let plan: InstallationPlan
  private let control: String

  /// Prepares the work, which runs outside the tree.
  ///
  /// - Parameter control: Folder of the packages' control files.
  public init(_ plan: InstallationPlan, control: String = InstallationPlan.control) {
    self.plan = plan
    self.control = control
  }

  /// The result of unpacking one package.
  private struct Result {
    var index: Int
    var paths: [TreePath]
    var folders: [TreePath: TreeWriter.Folder]
  }

  /// Unpacks the packages.
  ///
  /// - Throws: ``InstallationFailure``, `SystemError`, `StartError`.
  public func run() throws {
    let tree = try TreeRoot(plan.tree)
    for name in plan.mergedLinks {
      _ = try tree.folder("/usr/\(name)")
      try tree.makeLink(to: "usr/\(name)", at: "/\(name)")
    }
    let database = try PackageDatabase(in: tree)
    let controls = try plan.packages.map { package throws(SystemError) in
      try PackageControl(package, in: control)
    }
    for conffile in controls.flatMap(\.conffiles) where try FileKind(of: conffile.path, in: tree) != nil {
      throw InstallationFailure("the configuration file \(conffile.path.text) already exists")
    }
    let before = try database.paths()
    let results = try unpack(controls, in: tree, database)
    try refuse(results, upon: before, in: tree, database)
    try setFolders(results, in: tree)
    try leaveFoldersOut(results, in: tree)
    try complete(database, controls)
  }

  // MARK: Files

  /// Unpacks all packages, as many at a time as there are processors.
  private func unpack(
    _ controls: [PackageControl], in tree: TreeRoot, _ database: PackageDatabase
  ) throws -> [Result] {
    // The largest first, so that it is not the last one to finish while the other processors are idle.
    let queue = plan.packages.indices.sorted {
      (plan.packages[$1].size, plan.packages[$0].stem) < (plan.packages[$0].size, plan.packages[$1].stem)
    }
    let next = Atomic(0)
    let hasFailed = Atomic(false)
    let rules = PathRules(plan.rules)
    // The workers share no mutable state but the two atomics. Their results are joined here.
    let workers = (0..<max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))).map { _ in
      Background { () -> Swift.Result<[Result], any Error> in
        Swift.Result {
          var done: [Result] = []
          while !hasFailed.load(ordering: .relaxed) {
            let turn = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard turn < queue.count else { break }
            do {
              done.append(try unpack(queue[turn], controls[queue[turn]], in: tree, database, rules))
            } catch {
              hasFailed.store(true, ordering: .relaxed)
              throw error
            }
          }
          return done
        }
      }
    }
    return try workers.map { $0.wait() }.flatMap { try $0.get() }.sorted { $0.index < $1.index }
  }

  private func unpack(
    _ index: Int, _ control: PackageControl, in tree: TreeRoot, _ database: PackageDatabase, _ rules: PathRules
  ) throws -> Result {
    let package = plan.packages[index]
    var writer = TreeWriter(
      package, in: tree, conffiles: Set(control.conffiles.map(\.path)), rules: rules)
    let archive = try PackageArchive(package, plan: plan)
    var reader = TarReader(archive.number, of: package.stem)
    do {
      try writer.write(&reader)
    } catch {
      // The decompressor's error explains the problem better.
      throw archive.close() ?? error
    }
    if let failure = archive.close() { throw failure }
    try database.write(writer.paths.flatMap { $0.bytes + [UInt8(ascii: "\n")] }, toInformation: "\(package.stem).list")
    try control.copy(to: database)
    if !control.names.contains("md5sums") {
      try database.write(sums(of: writer.paths, in: tree), toInformation: "\(package.stem).md5sums")
    }
    return Result(index: index, paths: writer.paths, folders: writer.folders)
  }

  /// Computes the MD5 sums of a package's files, for the few packages that have no `md5sums`.
  private func sums(of paths: [TreePath], in tree: TreeRoot) throws -> [UInt8] {
    var lines: [UInt8] = []
    for path in paths {
      guard case .file = try FileKind(of: path, in: tree), let file = try tree.open(path.text, O_RDONLY) else {
        continue
      }
      let (end, output) = try ChildProcess.run(
        ProcessStart("/usr/bin/md5sum", ["md5sum"], environment: ["LC_ALL=C"]), input: file)
      guard end == .exited(0), output.count > 32 else {
        throw InstallationFailure("md5sum cannot read \(path.text): \(end)")
      }
      lines += output.prefix(32) + Array("  ".utf8) + path.bytes.dropFirst() + [UInt8(ascii: "\n")]
    }
    return lines
  }

  /// Refuses files of two packages, and files that are diverted or have overridden ownership.
  private func refuse(
    _ results: [Result], upon before: Set<TreePath>, in tree: TreeRoot, _ database: PackageDatabase
  ) throws {
    var seen = before
    let diverted = Set(try database.diversions().map(\.path))
    let overridden = try database.overridden()
    for result in results {
      for path in result.paths {
        // Several packages may have the same folder, and also the same link to a folder.
        if !seen.insert(path).inserted, result.folders[path] == nil, try !tree.hasFolder(path) {
          throw InstallationFailure("\(path.text) is in two packages")
        }
        if diverted.contains(path) { throw InstallationFailure("\(path.text) is diverted") }
        if overridden.contains(path) { throw InstallationFailure("the permissions of \(path.text) are overridden") }
      }
    }
  }

  /// Sets the owner, mode and time of new folders. The first package with a folder decides, as dpkg does not change an
  /// existing folder.
  private func setFolders(_ results: [Result], in tree: TreeRoot) throws {
    var folders: [TreePath: TreeWriter.Folder] = [:]
    for result in results {
      for (path, folder) in result.folders {
        let isNew = folder.isNew || folders[path]?.isNew == true
        folders[path] = folders[path] ?? folder
        folders[path]?.isNew = isNew
      }
    }
    for (path, folder) in folders where folder.isNew {
      guard let place = try tree.open(path.text, O_RDONLY | O_DIRECTORY) else { continue }
      var times = TreeWriter.times(folder.time)
      guard fchown(place.number, folder.owner, folder.group) == 0, fchmod(place.number, folder.mode) == 0,
        futimens(place.number, &times) == 0
      else { throw SystemError("set the permissions of", path.text) }
    }
  }

  /// Removes excluded folders that are empty, the innermost first.
  private func leaveFoldersOut(_ results: [Result], in tree: TreeRoot) throws {
    let rules = PathRules(plan.rules)
    guard !rules.isEmpty else { return }
    let folders = Set(results.flatMap { $0.folders.keys }).filter { !rules.keep($0) }.sorted(by: >)
    for path in folders {
      guard let above = try tree.open((path.parent ?? .root).text) else { continue }
      _ = unlinkat(above.number, path.name.cString, AT_REMOVEDIR)
    }
  }

  // MARK: The database

  private func complete(_ database: PackageDatabase, _ controls: [PackageControl]) throws {
    if !FileTree.exists("\(database.folder)/info/format") {
      try database.write(Array("1\n".utf8), toInformation: "format")
    }
    if !FileTree.exists("\(database.folder)/arch") { try database.write("\(plan.architecture)\n", to: "arch") }
    // The paragraphs are sorted by name, as readers expect.
    let texts = try controls.sorted { $0.package.stem < $1.package.stem }.map { try $0.status() }
    let isFirst = try database.read("status").isEmpty
    try database.append((isFirst ? "" : "\n") + texts.joined(separator: "\n"), to: "status")
    // All paths are in one file, and each other trigger has its own (dpkg's doc/triggers.txt, "Internals").
    var interests: [String: String] = [:]
    for control in controls {
      for (trigger, line) in try control.interests() {
        interests[trigger, default: ""] += (trigger.hasPrefix("/") ? "\(trigger) " : "") + "\(line)\n"
      }
    }
    let paths = interests.filter { $0.key.hasPrefix("/") }.sorted { $0.key < $1.key }
    if !paths.isEmpty { try database.append(paths.map(\.value).joined(), to: "triggers/File") }
    for (name, lines) in interests where !name.hasPrefix("/") {
      guard !name.contains("/") else { throw InstallationFailure("'\(name)' is not a trigger name") }
      try database.append(lines, to: "triggers/\(name)")
    }
  }
}

extension TreeRoot {
  /// Returns true if a path leads to a folder. Links are followed.
  func hasFolder(_ path: TreePath) throws(SystemError) -> Bool {
    guard let place = try open(path.text) else { return false }
    return try place.mode() & S_IFMT == S_IFDIR
  }
}

/// The kind of a file.
enum FileKind: Equatable {
  case file, folder, other

  /// Reads the kind of the file at a path; `nil` if there is none. A link at the end of the path is not followed.
  ///
  /// - Throws: `SystemError`.
  init?(of path: TreePath, in tree: TreeRoot) throws(SystemError) {
    guard let place = try tree.open(path.text, Descriptor.pathOnly | O_NOFOLLOW) else { return nil }
    switch try place.mode() & S_IFMT {
    case S_IFREG: self = .file
    case S_IFDIR: self = .folder
    default: self = .other
    }
  }
}
