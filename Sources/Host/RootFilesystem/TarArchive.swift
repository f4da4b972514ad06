import HostSystem

/// Writes a tree as a tar archive.
public enum TarArchive {
  /// Writes the archive; the bytes depend on the tree and the time only.
  ///
  /// - Parameters:
  ///   - tree: What goes in; owners are written as numbers.
  ///   - path: File on the build host.
  ///   - time: Time of modification of every entry, in seconds since 1970.
  /// - Throws: `FileFailure`.
  public static func write(_ tree: FileTree, to path: String, time: Int64) throws(FileFailure) {
    var writer = try TarWriter(path)
    try writer.add(TarMember(Array("./".utf8), .folder, mode: 0o755, uid: 0, gid: 0, time: time))
    for path in tree.paths {
      guard let entry = tree[path] else { continue }
      var name = Array("./\(path)".utf8)
      let kind: TarMember.Kind
      switch entry.kind {
      case .folder:
        name.append(UInt8(ascii: "/"))
        kind = .folder
      case .link(let target): kind = .symbolicLink(to: Array(target.utf8))
      case .file(let content): kind = .file(size: content.size)
      case .characterDevice(let major, let minor): kind = .characterDevice(major: major, minor: minor)
      }
      try writer.add(TarMember(name, kind, mode: entry.mode, uid: entry.uid, gid: entry.gid, time: time))
      if case .file(let content) = entry.kind { try writer.write(content) }
    }
    try writer.finish()
  }
}
