import Glibc
import HostSystem

/// Where the files of a package lie in its archive file: a member of an `ar` archive, a compressed tar archive (`deb(5)`).
public struct PackageData: Sendable, Equatable {
  /// Name of the member: `data.tar.xz`.
  public var name: String
  /// Offset of its first byte in the archive file.
  public var offset: Int64
  /// Its length in bytes.
  public var size: Int64

  /// Whether it is compressed by xz, as nearly all are.
  public var isXZ: Bool { name == "data.tar.xz" }

  /// Finds the member in an archive file.
  ///
  /// - Throws: `FileFailure`, also where the file is no package.
  public init(in path: String) throws(FileFailure) {
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
      if name.hasPrefix("data.tar") {
        self.name = name.hasSuffix("/") ? String(name.dropLast()) : name
        self.offset = offset + 60
        self.size = size
        return
      }
      offset += 60 + size + size % 2
    }
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
  }
}
