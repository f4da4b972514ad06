import ExecutableFormat
import Foundation
import HostSystem

/// Finds what the executables and libraries of a tree need and the tree lacks.
public struct SharedLibraries: Sendable {
  /// Folders in which the dynamic loader looks, as paths in the tree: Debian's defaults, without a cache.
  public var folders: [String]

  /// Uses Debian's folders for an architecture.
  public init(architecture: Architecture) {
    folders = ["usr/lib/\(architecture.multiarch)", "usr/lib"]
  }

  /// A file, and what it needs that is not there.
  public struct Need: Sendable {
    /// Path in the tree, without a leading slash.
    public var file: String
    /// Who brought the file.
    public var origin: String
    /// Names of libraries; the path of a loader.
    public var missing: [String]
  }

  /// All needs that the tree does not meet, in the order of paths.
  ///
  /// - Throws: `FileFailure`, `ELFFailure` for a damaged file.
  public func unmet(in tree: FileTree) throws -> [Need] {
    var needs: [Need] = []
    for path in tree.paths {
      guard let entry = tree[path], case .file(.host(let file, let size)) = entry.kind, size >= 64,
        path.hasPrefix("usr/"), !path.hasSuffix(".ko"), let headers = try ELFFile(path: file)
      else { continue }
      var missing: [String] = []
      if let loader = headers.interpreter, resolve(loader, in: tree) == nil { missing.append(loader) }
      let folder = path.split(separator: "/").dropLast().joined(separator: "/")
      let own = headers.runPath.map { $0.replacing("$ORIGIN", with: "/\(folder)") }
      for name in headers.needed where !has(name, in: own + folders, of: tree) { missing.append(name) }
      if !missing.isEmpty { needs.append(Need(file: path, origin: entry.origin, missing: missing)) }
    }
    return needs
  }

  private func has(_ name: String, in folders: [String], of tree: FileTree) -> Bool {
    if name.contains("/") { return resolve(name, in: tree) != nil }
    return folders.contains { resolve("\($0)/\(name)", in: tree) != nil }
  }

  /// The path of the file that a path comes to through links; `nil` where there is none.
  private func resolve(_ path: String, in tree: FileTree, depth: Int = 0) -> String? {
    let path = FileTree.normalised(path)
    guard depth < 16, let entry = tree[path] else { return nil }
    switch entry.kind {
    case .file: return path
    case .link(let target):
      if target.hasPrefix("/") { return resolve(target, in: tree, depth: depth + 1) }
      var parts = path.split(separator: "/").dropLast().map(String.init)
      for part in target.split(separator: "/") {
        if part == ".." { _ = parts.popLast() } else if part != "." { parts.append(String(part)) }
      }
      return resolve(parts.joined(separator: "/"), in: tree, depth: depth + 1)
    case .folder, .characterDevice: return nil
    }
  }

  /// Adds to the tree the libraries that are missing in it and that one of the packages has, with their own needs.
  ///
  /// Of a package that serves only as a library, the library's file and the links to it are taken, nothing else.
  ///
  /// - Parameter candidates: Names and unpacked trees of packages, asked one after the other until nothing is missing.
  /// - Throws: `FileFailure`, ``FileTreeConflict``.
  public func complete(
    _ tree: inout FileTree, from candidates: [(name: String, tree: @Sendable () async throws -> URL)]
  ) async throws {
    var opened: [(name: String, content: FileTree)] = []
    var rest = candidates[...]
    while true {
      let missing = Set(try unmet(in: tree).flatMap(\.missing))
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
      guard let entry = package.content[place], let file = resolve(place, in: package.content),
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
