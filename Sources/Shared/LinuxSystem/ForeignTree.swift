import Glibc

/// A root file system that somebody else made, in a folder of the host.
///
/// Each path is resolved as a process would whose root the folder is: a link to `/etc` leads to the tree's own `etc`. Only ordinary files
/// are opened, so that no pipe is waited for and no device read.
public struct ForeignTree {
  private let root: TreeRoot

  /// Opens the folder.
  ///
  /// - Throws: ``SystemError``.
  public init(_ path: String) throws(SystemError) {
    root = try TreeRoot(path)
  }

  /// What is at a path.
  public enum Kind: Sendable, Equatable {
    case file, folder, other
  }

  /// What is at a path, links followed in the tree; `nil` where nothing is.
  public func kind(of path: String) -> Kind? {
    guard let place = open(path, Descriptor.pathOnly), let status = Self.status(of: place) else { return nil }
    return switch status.st_mode & S_IFMT {
    case S_IFREG: .file
    case S_IFDIR: .folder
    default: .other
    }
  }

  /// The place on the host of an ordinary file or a folder, without any links; `nil` where there is none of that kind.
  ///
  /// It stays right as long as nobody changes the tree.
  public func place(of path: String, _ kind: Kind) -> String? {
    guard self.kind(of: path) == kind, let place = open(path, Descriptor.pathOnly) else { return nil }
    var text = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink("/proc/self/fd/\(place.number)", &text, text.count - 1)
    guard length > 0 else { return nil }
    return String(decoding: text.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// The content of an ordinary file; `nil` where there is none.
  ///
  /// - Parameter limit: Most bytes that it may have.
  /// - Throws: ``SystemError`` where it is larger, or cannot be read.
  public func content(of path: String, limit: Int) throws(SystemError) -> [UInt8]? {
    guard kind(of: path) == .file else { return nil }
    // Should it be another thing by now, it is not waited for.
    guard let file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY) else { throw SystemError("read", path) }
    guard let status = Self.status(of: file), status.st_mode & S_IFMT == S_IFREG else { return nil }
    var bytes: [UInt8] = []
    while let part = try file.read(atMost: 1 << 16), !part.isEmpty {
      guard bytes.count + part.count <= limit else { throw SystemError("read", path, code: EFBIG) }
      bytes += part
    }
    return bytes
  }

  /// Names of what is in a folder, sorted; none where there is no such folder.
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
