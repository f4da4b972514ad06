import Glibc
import LinuxSystem

/// The host's `/etc/resolv.conf`, shown in a tree for the time that a program runs there. The tree keeps its own file, or none.
struct NameServerFile {
  private static let path = "/etc/resolv.conf"
  private static let own = "/run/cultivar/resolv.conf"

  /// The folder in which a link was made that has to go again; `nil` where there is none.
  private let folder: Descriptor?

  /// Shows it, whatever the tree has: nothing, a file, or a link to what only a running system has.
  ///
  /// - Returns: `nil` where the host has no such file.
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
      // The link leads nowhere yet. Below /run is the sandbox's own file system; elsewhere the tree would keep what is made.
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

  /// Removes the link that was made, unless the program has put something of its own in its place.
  func remove() {
    guard let folder else { return }
    var text = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard readlinkat(folder.number, "resolv.conf", &text, text.count - 1) > 0,
      String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) == Self.own
    else { return }
    unlinkat(folder.number, "resolv.conf", 0)
  }

  /// The absolute path that the link names, without `..`.
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
