import Glibc
import HostSystem

/// Hashes of the regular files in a tar archive (pax interchange format, POSIX.1-2017 `pax`).
enum ArchiveHashes {
  private static let blockSize = 512

  /// Reads an archive from front to back.
  ///
  /// - Returns: Hashes by path, without `./` at the beginning; a further name of a file has the file's hash.
  /// - Throws: `FileFailure`, also where the archive ends early.
  static func read(_ path: String) throws(FileFailure) -> [Substring: ContentHash] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last("read", path) }
    defer { close(descriptor) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: blockSize)
    defer { buffer.deallocate() }

    /// Fills the beginning of the buffer.
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

    /// Passes over content, which is whole blocks in the archive.
    func content(
      _ size: Int, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(FileFailure) {
      var rest = size
      while rest > 0 {
        let padded = min((rest + blockSize - 1) / blockSize * blockSize, buffer.count)
        try fill(padded)
        body(UnsafeRawBufferPointer(rebasing: buffer[0..<min(rest, padded)]))
        rest -= padded
      }
    }

    var hashes: [Substring: ContentHash] = [:]
    var extended: [Substring: Substring] = [:]
    while true {
      try fill(blockSize)
      guard buffer[0] != 0 else { return hashes }
      let head = Head(UnsafeRawBufferPointer(rebasing: buffer[0..<blockSize]))
      let size = extended["size"].flatMap { Int($0) } ?? head.size
      switch head.kind {
      case "x":
        var text: [UInt8] = []
        try content(size) { text += $0 }
        extended = records(text)
        continue
      case "0", "\0":
        var hasher = ContentHasher()
        try content(size) { hasher.add($0) }
        hashes[name(extended["path"] ?? Substring(head.path))] = hasher.hash
      case "1":
        let target = name(extended["linkpath"] ?? Substring(head.target))
        hashes[name(extended["path"] ?? Substring(head.path))] = hashes[target]
      default: try content(size) { _ in }
      }
      extended = [:]
    }
  }

  private static func name(_ path: Substring) -> Substring { path.hasPrefix("./") ? path.dropFirst(2) : path }

  /// Reads `LENGTH KEY=VALUE` lines; a value may have lines of its own.
  private static func records(_ text: [UInt8]) -> [Substring: Substring] {
    var result: [Substring: Substring] = [:]
    var start = 0
    while start < text.count, let space = text[start...].firstIndex(of: UInt8(ascii: " ")),
      let length = Int(String(decoding: text[start..<space], as: UTF8.self)), length > 0, start + length <= text.count,
      let equals = text[space..<start + length].firstIndex(of: UInt8(ascii: "="))
    {
      let key = Substring(decoding: text[space + 1..<equals], as: UTF8.self)
      result[key] = Substring(decoding: text[equals + 1..<start + length - 1], as: UTF8.self)
      start += length
    }
    return result
  }

  /// What begins an entry: fields of fixed width.
  private struct Head {
    var path: String
    var target: String
    var size: Int
    var kind: Character

    init(_ block: UnsafeRawBufferPointer) {
      func text(_ range: Range<Int>) -> String { String(decoding: block[range].prefix { $0 != 0 }, as: UTF8.self) }
      let prefix = text(345..<500)
      path = prefix.isEmpty ? text(0..<100) : "\(prefix)/\(text(0..<100))"
      target = text(157..<257)
      size = Int(text(124..<136).drop(while: \.isWhitespace).prefix { $0.isNumber }, radix: 8) ?? 0
      kind = Character(UnicodeScalar(block[156]))
    }
  }
}
