import HostSystem

public enum TarArchive {
  /// Writes a tree as a tar archive. Its bytes depend only on the tree and the time.
  ///
  /// - Parameters:
  ///   - tree: The content. Owners are written as numbers.
  ///   - path: Path on the build host.
  ///   - time: Modification time of every entry, in seconds since 1970.
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
