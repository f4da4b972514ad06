import ExecutableFormat
import FoundationEssentials
import HostSystem

/// Finds and adds libraries that executables and libraries of a tree need but the tree lacks.
public struct SharedLibraries: Sendable {
  /// Folders that the dynamic loader searches, as paths in the tree: Debian's defaults, without a cache.
  public var folders: [String]

  /// Uses Debian's default folders for an architecture.
  public init(architecture: Architecture) {
    folders = ["usr/lib/\(architecture.multiarch)", "usr/lib"]
  }

  /// A file and its missing dependencies.
  public struct Need: Sendable {
    /// Path in the tree, without a leading slash.
    public var file: String
    /// The part of the build that added the file.
    public var origin: String
    /// Names of missing libraries; path of a missing loader.
    public var missing: [String]
  }

  /// All missing dependencies in the tree, in the order of paths.
  ///
  /// - Throws: `FileFailure`, also for a file with contradictory headers.
  public func unmet(in tree: FileTree) throws -> [Need] {
    var known = KnownHeaders()
    return try unmet(in: tree, known: &known)
  }

  private func unmet(in tree: FileTree, known: inout KnownHeaders) throws -> [Need] {
    var needs: [Need] = []
    for path in tree.paths {
      guard let entry = tree[path], case .file(.host(let file, let size)) = entry.kind, size >= 64,
        path.hasPrefix("usr/"), !path.hasSuffix(".ko"),
        let headers = try known.headers(of: file, at: path, from: entry.origin)
      else { continue }
      var missing: [String] = []
      if let loader = headers.interpreter, tree.resolve(loader) == nil { missing.append(loader) }
      let folder = path.split(separator: "/").dropLast().joined(separator: "/")
      let own = headers.runPath.map { $0.replacing("$ORIGIN", with: "/\(folder)") }
      for name in headers.needed where !has(name, in: own + folders, of: tree) { missing.append(name) }
      if !missing.isEmpty { needs.append(Need(file: path, origin: entry.origin, missing: missing)) }
    }
    return needs
  }

  /// A cache of ELF headers, because completing a tree checks it repeatedly.
  private struct KnownHeaders {
    private var byFile: [String: ELFFile?] = [:]

    mutating func headers(of file: String, at path: String, from origin: String) throws(FileFailure) -> ELFFile? {
      if let known = byFile[file] { return known }
      do {
        let headers = try ELFFile(path: file)
        byFile[file] = .some(headers)
        return headers
      } catch let failure as ELFFailure {
        throw FileFailure("take /\(path) from", origin, reason: "the executable is damaged: \(failure.reason)")
      } catch {
        throw FileFailure("read", file, reason: FileFailure.reason(of: error))
      }
    }
  }

  private func has(_ name: String, in folders: [String], of tree: FileTree) -> Bool {
    if name.contains("/") { return tree.resolve(name) != nil }
    return folders.contains { tree.resolve("\($0)/\(name)") != nil }
  }

  /// Adds missing libraries and their own dependencies from packages to the tree.
  ///
  /// Takes only the file of each library and the links to it from a package.
  ///
  /// - Parameter candidates: Names and unpacked trees of packages, searched in order until nothing is missing.
  /// - Throws: `FileFailure`, ``FileTreeConflict``.
  public func complete(
    _ tree: inout FileTree, from candidates: [(name: String, tree: @Sendable () async throws -> URL)]
  ) async throws {
    var opened: [(name: String, content: FileTree)] = []
    var rest = candidates[...]
    var known = KnownHeaders()
    while true {
      let missing = Set(try unmet(in: tree, known: &known).flatMap(\.missing))
      guard !missing.isEmpty else { return }
      var found = false
      for name in missing.sorted() {
        for package in opened where try take(name, from: package, into: &tree) {
          found = true
          break
        }
      }
      if found { continue }
      guard let next = rest.popFirst() else { return }
      var content = FileTree()
      try content.addFolder(try await next.tree().path, keepModes: true, origin: "package \(next.name)") {
        !$0.hasPrefix("usr/share")
      }
      opened.append((next.name, content))
    }
  }

  private func take(
    _ name: String, from package: (name: String, content: FileTree), into tree: inout FileTree
  ) throws -> Bool {
    let places = name.contains("/") ? [name] : folders.map { "\($0)/\(name)" }
    for place in places {
      let place = FileTree.normalised(place)
      guard let entry = package.content[place], let file = package.content.resolve(place),
        let target = package.content[file]
      else { continue }
      let origin = "package \(package.name)"
      try tree.add(place, entry.kind, mode: entry.mode, from: origin)
      try tree.add(file, target.kind, mode: target.mode, from: origin)
      return true
    }
    return false
  }
}
