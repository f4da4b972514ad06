import CLinuxSystem
import Glibc
import LinuxSystem

/// Reads the tar archive of a package: POSIX ustar with GNU's long names, the only forms that `deb(5)` allows.
struct TarReader {
  enum Kind: Equatable {
    case file(size: UInt64)
    case hardLink(to: TreePath)
    case symbolicLink(to: [UInt8])
    case folder
    /// A device or FIFO, with the type bits of `st_mode` and the device number.
    case node(type: mode_t, device: dev_t)
  }

  /// An entry with its metadata.
  struct Entry {
    var path: TreePath
    var kind: Kind
    /// Permissions, including the set-ID bits.
    var mode: mode_t
    var owner: uid_t
    var group: gid_t
    /// Time of modification, in seconds since 1970.
    var time: Int64
  }

  private static let blockSize = 512
  private static let longestName = 65_536

  private let source: Int32
  private let name: String
  private var buffer = [UInt8](repeating: 0, count: 256 << 10)
  private var start = 0
  private var end = 0
  /// Unread bytes of the current entry's contents, and of the padding of its last block.
  private var contents: UInt64 = 0
  private var filling: UInt64 = 0

  /// - Parameters:
  ///   - source: A blocking descriptor.
  ///   - name: The archive's name, for errors.
  init(_ source: Int32, of name: String) {
    self.source = source
    self.name = name
  }

  /// Reads the next entry; `nil` at the archive's end.
  ///
  /// - Throws: ``InstallationFailure``, `SystemError`.
  mutating func next() throws -> Entry? {
    try skipContents()
    var longName: [UInt8]?
    var longLink: [UInt8]?
    while true {
      guard let header = try block(), header.contains(where: { $0 != 0 }) else {
        try skipRest()
        return nil
      }
      try checkSum(of: header)
      let size = try number(header, 124, 12)
      switch header[156] {
      case UInt8(ascii: "L"): longName = try longText(size)
      case UInt8(ascii: "K"): longLink = try longText(size)
      default: return try entry(header, size: size, longName: longName, longLink: longLink)
      }
    }
  }

  /// Writes the contents of the current entry, a file, to a descriptor.
  ///
  /// - Throws: ``InstallationFailure``, `SystemError`.
  mutating func writeContents(to file: Int32, path: TreePath) throws {
    while contents > 0 {
      if start == end { try fill() }
      let count = Int(min(contents, UInt64(end - start)))
      let written = buffer.withUnsafeBytes { Glibc.write(file, $0.baseAddress?.advanced(by: start), count) }
      if written < 0, errno == EINTR { continue }
      guard written >= 0 else { throw SystemError("write", path.text) }
      start += written
      contents -= UInt64(written)
    }
  }

  // MARK: Parts

  private func failure(_ text: String) -> InstallationFailure { InstallationFailure("\(name) \(text)") }

  private mutating func entry(
    _ header: [UInt8], size: UInt64, longName: [UInt8]?, longLink: [UInt8]?
  ) throws -> Entry {
    var name = longName ?? Self.text(header, 0, 100)
    let isPOSIX = header[257..<263].elementsEqual(Array("ustar\0".utf8))
    if longName == nil, isPOSIX, header[345] != 0 {
      name = Self.text(header, 345, 155) + [UInt8(ascii: "/")] + name
    }
    let link = longLink ?? Self.text(header, 157, 100)
    let path = try path(name)
    let type = header[156]
    let kind: Kind
    switch type {
    // Older archives store a folder as a file whose name ends with a slash.
    case 0 where name.last == UInt8(ascii: "/"): kind = .folder
    case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
      kind = .file(size: size)
      contents = size
      filling = (UInt64(Self.blockSize) - size % UInt64(Self.blockSize)) % UInt64(Self.blockSize)
    case UInt8(ascii: "1"): kind = .hardLink(to: try self.path(link))
    case UInt8(ascii: "2"): kind = .symbolicLink(to: link)
    case UInt8(ascii: "3"): kind = .node(type: S_IFCHR, device: try device(header))
    case UInt8(ascii: "4"): kind = .node(type: S_IFBLK, device: try device(header))
    case UInt8(ascii: "5"): kind = .folder
    case UInt8(ascii: "6"): kind = .node(type: S_IFIFO, device: 0)
    default: throw failure("has an entry of the type \(type), which packages may not have")
    }
    if case .file = kind {} else if size != 0 { throw failure("has contents for \(path.text), which is not a file") }
    return Entry(
      path: path, kind: kind, mode: mode_t(truncatingIfNeeded: try number(header, 100, 8)) & 0o7777,
      owner: uid_t(truncatingIfNeeded: try number(header, 108, 8)),
      group: gid_t(truncatingIfNeeded: try number(header, 116, 8)),
      time: Int64(truncatingIfNeeded: try number(header, 136, 12)))
  }

  /// Converts a path to dpkg's form: absolute, without the leading dot and without the slash at the end of a folder.
  private func path(_ name: [UInt8]) throws -> TreePath {
    let parts = name.split(separator: UInt8(ascii: "/")).filter { $0 != [UInt8(ascii: ".")] }
    guard !parts.contains([UInt8(ascii: "."), UInt8(ascii: ".")]), !name.contains(UInt8(ascii: "\n")) else {
      throw failure(
        "has the path \(String(decoding: name, as: UTF8.self)), which leads out of the tree or has a line break")
    }
    return parts.isEmpty ? .root : TreePath(parts.flatMap { [UInt8(ascii: "/")] + $0 })
  }

  private func device(_ header: [UInt8]) throws -> dev_t {
    gnu_dev_makedev(
      UInt32(truncatingIfNeeded: try number(header, 329, 8)), UInt32(truncatingIfNeeded: try number(header, 337, 8)))
  }

  private static func text(_ header: [UInt8], _ offset: Int, _ length: Int) -> [UInt8] {
    Array(header.dropFirst(offset).prefix(length).prefix { $0 != 0 })
  }

  /// Parses a number in octal digits, or in the binary form that GNU uses for large numbers.
  private func number(_ header: [UInt8], _ offset: Int, _ length: Int) throws -> UInt64 {
    let field = header.dropFirst(offset).prefix(length)
    if field.first == 0x80 {
      guard field.dropFirst().dropLast(8).allSatisfy({ $0 == 0 }) else {
        throw failure("has a number that is too large")
      }
      return field.dropFirst().suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
    let digits = field.drop { $0 == UInt8(ascii: " ") }.prefix { $0 != 0 && $0 != UInt8(ascii: " ") }
    var value: UInt64 = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(digit), value < 1 << 60 else {
        throw failure("is damaged: a number is not octal")
      }
      value = value << 3 | UInt64(digit - UInt8(ascii: "0"))
    }
    return value
  }

  private func checkSum(of header: [UInt8]) throws {
    let sum = header.enumerated().reduce(UInt64(0)) { total, byte in
      total + UInt64((148..<156).contains(byte.offset) ? UInt8(ascii: " ") : byte.element)
    }
    guard try number(header, 148, 8) == sum else { throw failure("is damaged: the checksum of a header is wrong") }
  }

  private mutating func longText(_ size: UInt64) throws -> [UInt8] {
    guard size <= Self.longestName else { throw failure("has a name of \(size) bytes") }
    var text: [UInt8] = []
    while text.count < Int(size) {
      guard let block = try block() else { throw failure("ends within a name") }
      text += block
    }
    return Array(text.prefix(Int(size)).prefix { $0 != 0 })
  }

  // MARK: Bytes

  /// Reads the next 512 bytes; `nil` at the end of the source.
  private mutating func block() throws -> [UInt8]? {
    if end - start < Self.blockSize {
      buffer.replaceSubrange(0..<(end - start), with: buffer[start..<end])
      (start, end) = (0, end - start)
      while end < Self.blockSize {
        let count = try read(at: end)
        guard count > 0 else {
          guard end == 0 else { throw failure("ends within a header") }
          return nil
        }
        end += count
      }
    }
    defer { start += Self.blockSize }
    return Array(buffer[start..<(start + Self.blockSize)])
  }

  private mutating func fill() throws {
    start = 0
    end = try read(at: 0)
    guard end > 0 else { throw failure("ends within a file") }
  }

  private mutating func read(at place: Int) throws -> Int {
    while true {
      let count = buffer.withUnsafeMutableBytes {
        Glibc.read(source, $0.baseAddress?.advanced(by: place), $0.count - place)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw SystemError("read", name) }
      return count
    }
  }

  private mutating func skipContents() throws {
    var rest = contents + filling
    (contents, filling) = (0, 0)
    while rest > 0 {
      if start == end { try fill() }
      let count = min(rest, UInt64(end - start))
      start += Int(count)
      rest -= count
    }
  }

  /// Reads the bytes after the archive's end, so that the writer does not fail.
  private mutating func skipRest() throws {
    repeat {
      start = 0
      end = try read(at: 0)
    } while end > 0
    (start, end) = (0, 0)
  }
}
