import CLinuxSystem
import Glibc

/// A folder in which each path is resolved as a process would whose root the folder is: neither `..` nor a link leads out of it.
public struct TreeRoot: Sendable {
  private let root: Descriptor
  private let name: String

  /// Opens the folder.
  ///
  /// - Throws: ``SystemError``.
  public init(_ path: String) throws(SystemError) {
    root = try Descriptor(opening: path, Descriptor.pathOnly | O_DIRECTORY)
    name = path
  }

  /// Opens what is at a path, links followed in the tree.
  ///
  /// - Parameters:
  ///   - path: Absolute path in the tree.
  ///   - flags: Flags of `open(2)`.
  /// - Returns: `nil` where nothing is.
  /// - Throws: ``SystemError``.
  public func open(_ path: String, _ flags: Int32 = Descriptor.pathOnly) throws(SystemError) -> Descriptor? {
    while true {
      let number = cultivar_open_in_root(root.number, path, flags | O_CLOEXEC)
      if number >= 0 { return Descriptor(owning: number) }
      switch errno {
      case EINTR, EAGAIN: continue
      case ENOENT: return nil
      default: throw SystemError("open in \(name)", path)
      }
    }
  }

  /// Opens a folder, and makes it where it is missing, with those above it.
  ///
  /// - Throws: ``SystemError``, also where something else is there, or a link to what is not there.
  public func folder(_ path: String) throws(SystemError) -> Descriptor {
    if let folder = try open(path, Descriptor.pathOnly | O_DIRECTORY) { return folder }
    let (parent, name) = (try folder(FileTree.parent(of: path)), Self.lastName(of: path))
    if mkdirat(parent.number, name, 0o755) < 0, errno != EEXIST { throw SystemError("make folder", path) }
    guard let folder = try open(path, Descriptor.pathOnly | O_DIRECTORY) else {
      throw SystemError("open the folder", path, code: ENOENT)
    }
    return folder
  }

  /// Opens a file, and makes it, empty, where nothing is.
  ///
  /// - Throws: ``SystemError``, also where there is a link to what is not there.
  public func file(_ path: String, mode: mode_t = 0o644) throws(SystemError) -> Descriptor {
    if let file = try open(path) { return file }
    let (parent, name) = (try folder(FileTree.parent(of: path)), Self.lastName(of: path))
    _ = Descriptor(
      owning: try check("make", path) {
        openat(parent.number, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
      })
    guard let file = try open(path) else { throw SystemError("open", path, code: ENOENT) }
    return file
  }

  /// Makes a symbolic link where nothing is; the folders above it as well.
  ///
  /// - Throws: ``SystemError``.
  public func makeLink(to target: String, at path: String) throws(SystemError) {
    let (parent, name) = (try folder(FileTree.parent(of: path)), Self.lastName(of: path))
    try check("make the link", path) { symlinkat(target, parent.number, name) }
  }

  private static func lastName(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? "." }
}

extension Descriptor {
  /// The flag that opens a place and not what is there, `O_PATH` of `open(2)`.
  public static let pathOnly = cultivar_open_place

  /// The type and permissions of the open file, `st_mode` of `stat(2)`.
  ///
  /// - Throws: ``SystemError``.
  public func mode() throws(SystemError) -> mode_t {
    var status = stat()
    try check("read", path) { fstat(number, &status) }
    return status.st_mode
  }

  /// A path that leads to the open file as long as it is open, for calls that take no descriptor.
  public var path: String { "/proc/self/fd/\(number)" }
}
