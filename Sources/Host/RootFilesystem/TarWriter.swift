import HostSystem

/// A member of a tar archive, without its content.
public struct TarMember: Sendable {
  /// The type of a member (POSIX.1-1988 ustar).
  public enum Kind: Sendable {
    case file(size: Int64)
    /// Another name of an earlier member.
    case hardLink(to: [UInt8])
    case symbolicLink(to: [UInt8])
    case characterDevice(major: UInt32, minor: UInt32)
    case folder
    case pipe
  }

  /// Path as bytes, because a name may be invalid as text. The path of a folder ends with a slash.
  public var name: [UInt8]
  public var kind: Kind
  /// The twelve mode bits.
  public var mode: UInt32
  /// Number of the owner.
  public var uid: UInt32
  /// Number of the group.
  public var gid: UInt32
  /// Modification time in seconds since 1970. Earlier times are written as 1970.
  public var time: Int64
  /// Extended attributes by full name (`security.capability`), in the order of writing.
  public var attributes: [(name: String, value: [UInt8])] = []

  public init(_ name: [UInt8], _ kind: Kind, mode: UInt32, uid: UInt32, gid: UInt32, time: Int64) {
    self.name = name
    self.kind = kind
    self.mode = mode
    self.uid = uid
    self.gid = gid
    self.time = time
  }
}

/// Writes a tar archive member by member: ustar, with POSIX.1-2001 pax records for values that do not fit into its
/// fields.
public struct TarWriter: ~Copyable {
  private var file: OutputFile

  /// Creates an archive.
  ///
  /// - Throws: `FileFailure`.
  public init(_ path: String) throws(FileFailure) { file = try OutputFile(path) }

  /// Adds a member. The content of a file must follow.
  ///
  /// - Throws: `FileFailure`.
  public mutating func add(_ member: TarMember) throws(FileFailure) {
    try file.pad(to: 512)
    let records = Self.paxRecords(of: member)
    if !records.isEmpty {
      let about = TarMember(
        Array("./pax".utf8), .file(size: Int64(records.count)), mode: 0o644, uid: 0, gid: 0, time: member.time)
      try file.write(Self.header(of: about, type: "x"))
      try file.write(records)
      try file.pad(to: 512)
    }
    try file.write(Self.header(of: member))
  }

  /// Adds content to the last added file.
  ///
  /// - Throws: `FileFailure`.
  public mutating func write(_ bytes: some Collection<UInt8>) throws(FileFailure) { try file.write(bytes) }

  /// Adds the complete content of the last added file.
  mutating func write(_ content: FileTree.Content) throws(FileFailure) { try file.write(content) }

  /// Writes the end of the archive.
  ///
  /// - Throws: `FileFailure`.
  public mutating func finish() throws(FileFailure) {
    try file.pad(to: 512)
    try file.write([UInt8](repeating: 0, count: 1024))
    try file.flush()
  }

  // MARK: Headers

  /// True if a field with this number of octal digits can hold the value.
  private static func fits(_ value: Int64, digits: Int) -> Bool { value < 1 << (3 * Int64(digits)) }

  private static func paxRecords(of member: TarMember) -> [UInt8] {
    var records: [UInt8] = []
    if member.name.count > 100 { records += paxRecord("path", member.name) }
    switch member.kind {
    case .hardLink(let target), .symbolicLink(let target):
      if target.count > 100 { records += paxRecord("linkpath", target) }
    case .file(let size):
      if !fits(size, digits: 11) { records += paxRecord("size", Array("\(size)".utf8)) }
    case .characterDevice, .folder, .pipe: break
    }
    if !fits(Int64(member.uid), digits: 7) { records += paxRecord("uid", Array("\(member.uid)".utf8)) }
    if !fits(Int64(member.gid), digits: 7) { records += paxRecord("gid", Array("\(member.gid)".utf8)) }
    for (name, value) in member.attributes { records += paxRecord("SCHILY.xattr.\(name)", value) }
    return records
  }

  /// A record `LENGTH KEY=VALUE\n`. The length includes its own digits.
  private static func paxRecord(_ key: String, _ value: [UInt8]) -> [UInt8] {
    let rest = Array(" \(key)=".utf8) + value + [0x0a]
    var length = rest.count
    while "\(length)".utf8.count + rest.count != length { length = "\(length)".utf8.count + rest.count }
    return Array("\(length)".utf8) + rest
  }

  private static func header(of member: TarMember, type given: Character? = nil) -> [UInt8] {
    var block = [UInt8](repeating: 0, count: 512)
    func put(_ bytes: some Collection<UInt8>, at offset: Int, width: Int) {
      for (index, byte) in bytes.prefix(width).enumerated() { block[offset + index] = byte }
    }
    // A value that does not fit is in a pax record, and its field is zero.
    func octal(_ value: Int64, at offset: Int, width: Int) {
      let digits = fits(value, digits: width - 1) ? String(value, radix: 8) : "0"
      put(
        (String(repeating: "0", count: max(0, width - 1 - digits.utf8.count)) + digits).utf8, at: offset,
        width: width - 1)
    }
    var type: Character
    var size: Int64 = 0
    switch member.kind {
    case .file(let length):
      type = "0"
      size = length
    case .hardLink(let target):
      type = "1"
      put(target, at: 157, width: 100)
    case .symbolicLink(let target):
      type = "2"
      put(target, at: 157, width: 100)
    case .characterDevice: type = "3"
    case .folder: type = "5"
    case .pipe: type = "6"
    }
    put(member.name, at: 0, width: 100)
    octal(Int64(member.mode & 0o7777), at: 100, width: 8)
    octal(Int64(member.uid), at: 108, width: 8)
    octal(Int64(member.gid), at: 116, width: 8)
    octal(size, at: 124, width: 12)
    octal(max(0, member.time), at: 136, width: 12)
    put("        ".utf8, at: 148, width: 8)
    if let given { type = given }
    put(String(type).utf8, at: 156, width: 1)
    put("ustar\u{0}00".utf8, at: 257, width: 8)
    if case .characterDevice(let major, let minor) = member.kind {
      octal(Int64(major), at: 329, width: 8)
      octal(Int64(minor), at: 337, width: 8)
    }
    let sum = block.reduce(0) { $0 + Int64($1) }
    octal(sum, at: 148, width: 7)
    block[154] = 0
    block[155] = 0x20
    return block
  }
}
