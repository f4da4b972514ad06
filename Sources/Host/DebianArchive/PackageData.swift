import Glibc
import HostSystem

/// Where the files of a package, or its control files, lie in its archive file: a member of an `ar` archive, a compressed tar archive
/// (`deb(5)`).
public struct PackageData: Sendable, Equatable {
  /// The archives in an archive file, by how their names begin.
  public enum Member: String, Sendable {
    /// The files that are installed.
    case data = "data.tar"
    /// What dpkg and its scripts need to know.
    case control = "control.tar"
  }

  /// Name of the member: `data.tar.xz`.
  public var name: String
  /// Offset of its first byte in the archive file.
  public var offset: Int64
  /// Its length in bytes.
  public var size: Int64

  /// Whether it is compressed by xz, as nearly all are.
  public var isXZ: Bool { name.hasSuffix(".xz") }

  /// Finds the member in an archive file.
  ///
  /// - Throws: `FileFailure`, also where the file is no package.
  public init(_ member: Member = .data, in path: String) throws(FileFailure) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last("read", path) }
    defer { close(descriptor) }
    // A head of 60 bytes for each member, which begins at an even offset (`ar(5)`).
    var offset: Int64 = 8
    while true {
      var head = [UInt8](repeating: 0, count: 60)
      let count = head.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
      guard count == head.count, let size = Int64(Self.text(head[48..<58])), size >= 0 else {
        throw FileFailure("read", path, reason: "it is no Debian package")
      }
      let name = Self.text(head[0..<16])
      if name.hasPrefix(member.rawValue) {
        self.name = name.hasSuffix("/") ? String(name.dropLast()) : name
        self.offset = offset + 60
        self.size = size
        return
      }
      offset += 60 + size + size % 2
    }
  }

  /// The member as it is stored.
  ///
  /// - Throws: `FileFailure`, also where the file ends before the member does.
  func bytes(in path: String) throws(FileFailure) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last("read", path) }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: Int(size))
    var length = 0
    while length < bytes.count {
      let count = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress?.advanced(by: length), $0.count - length, off_t(offset) + off_t(length))
      }
      guard count >= 0 || errno == EINTR else { throw .last("read", path) }
      guard count != 0 else { throw FileFailure("read", path, reason: "it ends before its control files do") }
      length += max(count, 0)
    }
    return bytes
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
  }
}
