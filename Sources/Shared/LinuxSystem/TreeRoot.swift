import CLinuxSystem
import Glibc

/// A folder in which paths are resolved as if it were the root: neither `..` nor symbolic links lead out of it.
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

  /// Opens a path, following symbolic links in the tree.
  ///
  /// - Parameters:
  ///   - path: Absolute path in the tree.
  ///   - flags: Flags of `open(2)`.
  /// - Returns: `nil` if the path does not exist.
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

  /// Opens a folder, and creates it with its missing parents.
  ///
  /// - Throws: ``SystemError``, also if the path is not a folder or is a dangling link.
  public func folder(_ path: String) throws(SystemError) -> Descriptor {
    if let folder = try open(path, Descriptor.pathOnly | O_DIRECTORY) { return folder }
    let (parent, name) = (try folder(FileTree.parent(of: path)), Self.lastName(of: path))
    if mkdirat(parent.number, name, 0o755) < 0, errno != EEXIST { throw SystemError("make folder", path) }
    guard let folder = try open(path, Descriptor.pathOnly | O_DIRECTORY) else {
      throw SystemError("open the folder", path, code: ENOENT)
    }
    return folder
  }

  /// Opens a file, and creates an empty one if the path does not exist.
  ///
  /// - Throws: ``SystemError``, also if the path is a dangling link.
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

  /// Makes a symbolic link and its missing parent folders.
  ///
  /// - Throws: ``SystemError``, also if the path exists.
  public func makeLink(to target: String, at path: String) throws(SystemError) {
    let (parent, name) = (try folder(FileTree.parent(of: path)), Self.lastName(of: path))
    try check("make the link", path) { symlinkat(target, parent.number, name) }
  }

  private static func lastName(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? "." }
}

extension Descriptor {
  /// The flag for opening a path without opening the file, `O_PATH` of `open(2)`.
  public static let pathOnly = cultivar_open_place

  /// The type and permissions of the open file, `st_mode` of `stat(2)`.
  ///
  /// - Throws: ``SystemError``.
  public func mode() throws(SystemError) -> mode_t {
    var status = stat()
    try check("read", path) { fstat(number, &status) }
    return status.st_mode
  }

  /// A path to the open file for calls that take no descriptor. It is valid as long as the file is open.
  public var path: String { "/proc/self/fd/\(number)" }
}
