import Glibc
import HostSystem

/// The position of a package's files, or of its control files, in its archive file (`deb(5)`): a compressed tar archive
/// that is a member of an `ar` archive.
public struct PackageData: Sendable, Equatable {
  /// The tar archives in a package; the raw value is the beginning of the member's name.
  public enum Member: String, Sendable {
    /// The files to install.
    case data = "data.tar"
    /// The metadata and scripts for dpkg.
    case control = "control.tar"
  }

  /// Name of the member: `data.tar.xz`.
  public var name: String
  /// Offset of the member's first byte in the archive file.
  public var offset: Int64
  /// Length of the member in bytes.
  public var size: Int64

  /// True if the member is compressed with xz, as nearly all are.
  public var isXZ: Bool { name.hasSuffix(".xz") }

  /// Finds the member in an archive file.
  ///
  /// - Throws: `FileFailure` if the file cannot be read or is not a Debian package.
  public init(_ member: Member = .data, in path: String) throws(FileFailure) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last("read", path) }
    defer { close(descriptor) }
    // Each member begins at an even offset, with a header of 60 bytes (`ar(5)`).
    var offset: Int64 = 8
    while true {
      var head = [UInt8](repeating: 0, count: 60)
      let count = head.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
      guard count == head.count, let size = Int64(Self.text(head[48..<58])), size >= 0 else {
        throw FileFailure("read", path, reason: "it is not a Debian package")
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

  /// Reads the member as it is stored.
  ///
  /// - Throws: `FileFailure` if the file cannot be read or ends before the member does.
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
      guard count != 0 else { throw FileFailure("read", path, reason: "it ends within its control files") }
      length += max(count, 0)
    }
    return bytes
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
  }
}
