import Glibc

/// A root file system that is not trusted, in a folder of the host.
///
/// Paths are resolved as if the folder were the root: a symbolic link to `/etc` leads to the tree's own `etc`. Only
/// regular files are opened, since opening a pipe could block and opening a device has side effects.
public struct ForeignTree {
  private let root: TreeRoot

  /// - Throws: ``SystemError``.
  public init(_ path: String) throws(SystemError) {
    root = try TreeRoot(path)
  }

  /// The kind of a file.
  public enum Kind: Sendable, Equatable {
    case file, folder, other
  }

  /// The kind of the file at a path, following symbolic links in the tree; `nil` if it does not exist.
  public func kind(of path: String) -> Kind? {
    guard let place = open(path, Descriptor.pathOnly), let status = Self.status(of: place) else { return nil }
    return switch status.st_mode & S_IFMT {
    case S_IFREG: .file
    case S_IFDIR: .folder
    default: .other
    }
  }

  /// The path on the host of a regular file or folder, without symbolic links; `nil` if there is no file of that kind.
  ///
  /// The path is valid as long as the tree does not change.
  public func place(of path: String, _ kind: Kind) -> String? {
    guard self.kind(of: path) == kind, let place = open(path, Descriptor.pathOnly) else { return nil }
    var text = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink("/proc/self/fd/\(place.number)", &text, text.count - 1)
    guard length > 0 else { return nil }
    return String(decoding: text.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Reads a regular file; `nil` if there is none.
  ///
  /// - Parameter limit: Maximum size in bytes.
  /// - Throws: ``SystemError`` if the file is larger or cannot be read.
  public func content(of path: String, limit: Int) throws(SystemError) -> [UInt8]? {
    guard kind(of: path) == .file else { return nil }
    // Non-blocking, in case the path has become a pipe or device since the check.
    guard let file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY) else { throw SystemError("read", path) }
    guard let status = Self.status(of: file), status.st_mode & S_IFMT == S_IFREG else { return nil }
    var bytes: [UInt8] = []
    while let part = try file.read(atMost: 1 << 16), !part.isEmpty {
      guard bytes.count + part.count <= limit else { throw SystemError("read", path, code: EFBIG) }
      bytes += part
    }
    return bytes
  }

  /// Lists the names in a folder, sorted; empty if it does not exist.
  public func names(in path: String) -> [String] {
    guard let folder = open(path, O_RDONLY | O_DIRECTORY) else { return [] }
    return FileTree.names(in: "/proc/self/fd/\(folder.number)").sorted()
  }

  private func open(_ path: String, _ flags: Int32) -> Descriptor? { (try? root.open(path, flags)) ?? nil }

  private static func status(of file: Descriptor) -> stat? {
    var status = stat()
    return fstat(file.number, &status) == 0 ? status : nil
  }
}
