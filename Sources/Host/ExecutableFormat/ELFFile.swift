import FoundationEssentials

/// The headers of an ELF file that say what it needs to run (System V ABI, chapters 4 and 5; 64-bit, little endian).
public struct ELFFile: Sendable, Equatable {
  /// Machine (`e_machine`).
  public var machine: Machine
  /// Path of the dynamic loader (`PT_INTERP`); `nil` where it is statically linked.
  public var interpreter: String?
  /// Names of the shared libraries it needs (`DT_NEEDED`), in order.
  public var needed: [String]
  /// The name by which others need it (`DT_SONAME`).
  public var soname: String?
  /// Folders in which its libraries are looked for before the usual ones (`DT_RUNPATH`, else `DT_RPATH`).
  public var runPath: [String]
  /// Whether it can be started: an executable, or a position-independent one with an entry point.
  public var isExecutable: Bool

  /// Machines that have a name here.
  public enum Machine: Sendable, Equatable {
    /// x86-64.
    case x86_64
    /// AArch64.
    case aarch64
    /// Another one, by its number, with the class in bits (32 or 64).
    case other(UInt16, bits: Int)
  }

  /// Reads the headers of a file; `nil` where it is no ELF file.
  ///
  /// - Throws: ``ELFFailure`` where it begins like one, and its headers point outside the file; the error of reading.
  public init?(path: String) throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
    try self.init(data)
  }

  /// Reads the headers in a file's content; `nil` where it is no ELF file.
  ///
  /// - Throws: ``ELFFailure``.
  public init?(_ data: Data) throws {
    guard data.count >= 64, data.prefix(4) == Data([0x7f, 0x45, 0x4c, 0x46]) else { return nil }
    let reader = ELFReader(data: data)
    let number = try reader.integer(UInt16.self, at: 18)
    guard data[data.startIndex + 4] == 2, data[data.startIndex + 5] == 1 else {
      let isBigEndian = data[data.startIndex + 5] == 2
      machine = .other(isBigEndian ? number.byteSwapped : number, bits: data[data.startIndex + 4] == 1 ? 32 : 64)
      interpreter = nil
      needed = []
      soname = nil
      runPath = []
      isExecutable = true
      return
    }
    switch number {
    case 62: machine = .x86_64
    case 183: machine = .aarch64
    default: machine = .other(number, bits: 64)
    }
    let type = try reader.integer(UInt16.self, at: 16)
    let entry = try reader.integer(UInt64.self, at: 24)
    isExecutable = type == 2 || (type == 3 && entry != 0)
    let segments = try reader.segments()
    interpreter = try segments.first { $0.type == ELFReader.interpreter }.map { try reader.text(in: $0) }
    let dynamic = try reader.dynamicEntries(segments)
    needed = try dynamic.filter { $0.tag == 1 }.map { try reader.string($0.value, dynamic, segments) }
    soname = try dynamic.first { $0.tag == 14 }.map { try reader.string($0.value, dynamic, segments) }
    let path = dynamic.first { $0.tag == 29 } ?? dynamic.first { $0.tag == 15 }
    runPath =
      try path.map { try reader.string($0.value, dynamic, segments) }?.split(separator: ":").map(String.init) ?? []
  }
}

/// An ELF file whose headers contradict themselves.
public struct ELFFailure: Error, Equatable {
  /// What is wrong.
  public var reason: String
}

/// Bounded access to the parts of an ELF file.
struct ELFReader {
  var data: Data

  static let interpreter: UInt32 = 3
  static let dynamic: UInt32 = 2
  static let load: UInt32 = 1

  struct Segment {
    var type: UInt32
    var offset: Int
    var address: UInt64
    var size: Int
  }

  struct DynamicEntry {
    var tag: UInt64
    var value: UInt64
  }

  func integer<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) throws(ELFFailure) -> Value {
    let size = MemoryLayout<Value>.size
    guard offset >= 0, offset <= data.count - size else {
      throw ELFFailure(reason: "a header points to offset \(offset), and the file has \(data.count) bytes")
    }
    return data.withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self)) }
  }

  /// The program headers.
  func segments() throws(ELFFailure) -> [Segment] {
    let start = Int(clamping: try integer(UInt64.self, at: 32))
    let size = Int(try integer(UInt16.self, at: 54))
    let count = Int(try integer(UInt16.self, at: 56))
    var result: [Segment] = []
    for index in 0..<count {
      let place = start &+ index * size
      result.append(
        Segment(
          type: try integer(UInt32.self, at: place), offset: Int(clamping: try integer(UInt64.self, at: place &+ 8)),
          address: try integer(UInt64.self, at: place &+ 16),
          size: Int(clamping: try integer(UInt64.self, at: place &+ 32))))
    }
    return result
  }

  /// The text of a segment up to its first zero byte.
  func text(in segment: Segment) throws(ELFFailure) -> String {
    guard segment.offset >= 0, segment.size >= 0, segment.offset <= data.count - min(segment.size, data.count),
      segment.size <= data.count
    else { throw ELFFailure(reason: "a segment lies outside the file") }
    let start = data.startIndex + segment.offset
    return String(decoding: data[start..<start + segment.size].prefix { $0 != 0 }, as: UTF8.self)
  }

  /// The entries of the dynamic section up to its end mark.
  func dynamicEntries(_ segments: [Segment]) throws(ELFFailure) -> [DynamicEntry] {
    guard let segment = segments.first(where: { $0.type == Self.dynamic }) else { return [] }
    var result: [DynamicEntry] = []
    var offset = segment.offset
    while offset < segment.offset &+ segment.size {
      let tag = try integer(UInt64.self, at: offset)
      if tag == 0 { break }
      result.append(DynamicEntry(tag: tag, value: try integer(UInt64.self, at: offset &+ 8)))
      offset += 16
    }
    return result
  }

  /// A string of the dynamic string table (`DT_STRTAB`), by its offset in the table.
  func string(
    _ offset: UInt64, _ dynamic: [DynamicEntry], _ segments: [Segment]
  ) throws(ELFFailure) -> String {
    guard let address = dynamic.first(where: { $0.tag == 5 })?.value,
      let segment = segments.first(where: {
        $0.type == Self.load && $0.address <= address && address - $0.address < UInt64($0.size)
      })
    else { throw ELFFailure(reason: "its dynamic section has no string table") }
    let start = segment.offset &+ Int(clamping: address - segment.address) &+ Int(clamping: offset)
    guard start >= 0, start < data.count else { throw ELFFailure(reason: "a name lies outside the file") }
    let bytes = data[(data.startIndex + start)...].prefix(4096).prefix { $0 != 0 }
    return String(decoding: bytes, as: UTF8.self)
  }
}
