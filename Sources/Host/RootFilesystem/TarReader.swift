import Glibc
import HostSystem

/// Reads a tar archive from start to end (pax interchange format, POSIX.1-2017 `pax`). The archive may be damaged or
/// malicious: every number is checked before use, and the size of extended headers is limited.
public enum TarReader {
  /// A member of an archive.
  public struct Member {
    /// Path without a leading `./`.
    public var path: [UInt8]
    /// Type flag of the header; `0` for a file.
    public var kind: UInt8
    /// Target of a link, without a leading `./`.
    public var target: [UInt8]
    /// Size of the content in bytes.
    public var size: Int
    /// Extended attributes by full name (`security.capability`).
    public var attributes: [(name: String, value: [UInt8])]
  }

  private static let blockSize = 512
  /// Maximum size of a member's extended header in bytes: enough for all attributes of up to 64 KiB each.
  private static let recordLimit = 16 << 20

  /// Reads all members, and the content of files in pieces.
  ///
  /// - Parameters:
  ///   - begin: Called with a member before its content.
  ///   - piece: Called with each piece of a file's content.
  ///   - end: Called with a member after its content.
  /// - Throws: `FileFailure`, also if the archive ends early.
  public static func read(
    _ path: String, begin: (Member) -> Void, piece: (UnsafeRawBufferPointer) -> Void = { _ in },
    end: (Member) -> Void = { _ in }
  ) throws(FileFailure) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last("read", path) }
    defer { close(descriptor) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: blockSize)
    defer { buffer.deallocate() }

    /// Reads bytes into the beginning of the buffer.
    func fill(_ count: Int) throws(FileFailure) {
      var done = 0
      while done < count {
        let got = Glibc.read(descriptor, buffer.baseAddress?.advanced(by: done), count - done)
        if got < 0, errno == EINTR { continue }
        guard got >= 0 else { throw .last("read", path) }
        guard got > 0 else { throw FileFailure("read", path, reason: "the archive ends early") }
        done += got
      }
    }

    /// Reads content and its padding to whole blocks.
    func content(_ size: Int, _ body: (UnsafeRawBufferPointer) -> Void) throws(FileFailure) {
      var rest = size
      while rest > 0 {
        let count = min(rest, buffer.count)
        try fill((count + blockSize - 1) / blockSize * blockSize)
        body(UnsafeRawBufferPointer(rebasing: buffer[0..<count]))
        rest -= count
      }
    }

    var extended: [(key: String, value: [UInt8])] = []
    func last(_ key: String) -> [UInt8]? { extended.last { $0.key == key }?.value }
    while true {
      try fill(blockSize)
      guard buffer[0] != 0 else { return }
      let head = Head(UnsafeRawBufferPointer(rebasing: buffer[0..<blockSize]))
      let size = last("size").flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? head.size
      guard size >= 0 else { throw FileFailure("read", path, reason: "a member has an invalid size") }
      if head.kind == UInt8(ascii: "x") {
        guard size <= recordLimit else { throw FileFailure("read", path, reason: "a member has too many attributes") }
        var text: [UInt8] = []
        try content(size) { text += $0 }
        extended = records(text)
        continue
      }
      let isFile = head.kind == UInt8(ascii: "0") || head.kind == 0
      let prefix = Array("SCHILY.xattr.".utf8).count
      let member = Member(
        path: plain(last("path") ?? head.path), kind: head.kind, target: plain(last("linkpath") ?? head.target),
        size: size,
        attributes: extended.compactMap {
          $0.key.hasPrefix("SCHILY.xattr.") ? (String($0.key.dropFirst(prefix)), $0.value) : nil
        })
      extended = []
      begin(member)
      // A hard link has no content, whatever its size field contains.
      try content(head.kind == UInt8(ascii: "1") ? 0 : size) { if isFile { piece($0) } }
      end(member)
    }
  }

  private static func plain(_ path: [UInt8]) -> [UInt8] {
    path.starts(with: Array("./".utf8)) ? Array(path.dropFirst(2)) : path
  }

  /// Parses lines of `LENGTH KEY=VALUE`. A value may contain newlines. Stops at the first line with another form.
  static func records(_ text: [UInt8]) -> [(key: String, value: [UInt8])] {
    var result: [(key: String, value: [UInt8])] = []
    var start = 0
    while start < text.count, let space = text[start...].firstIndex(of: UInt8(ascii: " ")),
      let length = Int(String(decoding: text[start..<space], as: UTF8.self)), length > 0,
      length <= text.count - start, space < start + length,
      let equals = text[space..<start + length].firstIndex(of: UInt8(ascii: "=")), equals < start + length - 1
    {
      result.append(
        (
          String(decoding: text[space + 1..<equals], as: UTF8.self), Array(text[equals + 1..<start + length - 1])
        ))
      start += length
    }
    return result
  }

  /// The fixed-width fields of a header.
  private struct Head {
    var path: [UInt8]
    var target: [UInt8]
    var size: Int
    var kind: UInt8

    init(_ block: UnsafeRawBufferPointer) {
      func text(_ range: Range<Int>) -> [UInt8] { Array(block[range].prefix { $0 != 0 }) }
      let prefix = text(345..<500)
      path = prefix.isEmpty ? text(0..<100) : prefix + [UInt8(ascii: "/")] + text(0..<100)
      target = text(157..<257)
      size = text(124..<136).drop { $0 == 0x20 }.prefix { (0x30...0x37).contains($0) }.reduce(0) {
        $0 << 3 | Int($1 - 0x30)
      }
      kind = block[156]
    }
  }
}
