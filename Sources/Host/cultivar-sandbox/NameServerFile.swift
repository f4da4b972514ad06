import Glibc
import LinuxSystem

/// The host's `/etc/resolv.conf`, visible in a tree while a program runs there. The tree's own file does not change.
struct NameServerFile {
  private static let path = "/etc/resolv.conf"
  private static let own = "/run/cultivar/resolv.conf"

  /// Folder with a temporary link that must be removed; `nil` if there is none.
  private let folder: Descriptor?

  /// Makes the file visible. The tree may have no file, a regular file, or a link that is valid only on a running
  /// system.
  ///
  /// - Returns: `nil` if the host has no such file.
  /// - Throws: `SystemError`.
  init?(in root: TreeRoot, write: (String, String, TreeRoot) throws -> Void) throws {
    guard let text = try? FileTree.read(Self.path, limit: 65_536) else { return nil }
    let content = String(decoding: text, as: UTF8.self)
    if let file = try root.open(Self.path) {
      try write(content, Self.own, root)
      guard let source = try root.open(Self.own) else { throw SystemError("open", Self.own, code: ENOENT) }
      try DetachedMount(of: source, named: Self.own).attach(to: file, named: Self.path)
      folder = nil
    } else if try root.open(Self.path, Descriptor.pathOnly | O_NOFOLLOW) != nil {
      // The target of the link does not exist. Below `/run`, the file is in the sandbox's own file system. Elsewhere it
      // would stay in the tree, so it is not made.
      if let target = try Self.target(in: root), target.hasPrefix("/run/") { try write(content, target, root) }
      folder = nil
    } else {
      try write(content, Self.own, root)
      let folder = try root.folder("/etc")
      guard symlinkat(Self.own, folder.number, "resolv.conf") == 0 else {
        throw SystemError("make the link", Self.path)
      }
      self.folder = folder
    }
  }

  /// Removes the temporary link, unless the program has replaced it.
  func remove() {
    guard let folder else { return }
    var text = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard readlinkat(folder.number, "resolv.conf", &text, text.count - 1) > 0,
      String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) == Self.own
    else { return }
    unlinkat(folder.number, "resolv.conf", 0)
  }

  /// Returns the absolute path of the link's target, without `..`.
  private static func target(in root: TreeRoot) throws -> String? {
    guard let folder = try root.open("/etc", Descriptor.pathOnly | O_DIRECTORY) else { return nil }
    var text = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard readlinkat(folder.number, "resolv.conf", &text, text.count - 1) > 0 else { return nil }
    let target = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    var parts: [Substring] = target.hasPrefix("/") ? [] : ["etc"]
    for part in target.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return "/" + parts.joined(separator: "/")
  }
}
