import FoundationEssentials

/// The headers of an ELF file that describe its requirements (System V ABI, chapters 4 and 5; 64-bit, little-endian).
public struct ELFFile: Sendable, Equatable {
  /// Machine (`e_machine`).
  public var machine: Machine
  /// Path of the dynamic loader (`PT_INTERP`); `nil` for a statically linked file.
  public var interpreter: String?
  /// Names of required shared libraries (`DT_NEEDED`), in order.
  public var needed: [String]
  /// Name under which other files require this library (`DT_SONAME`).
  public var soname: String?
  /// Folders to search for libraries before the default ones (`DT_RUNPATH`, or else `DT_RPATH`).
  public var runPath: [String]
  /// True for an executable, or a position-independent file with an entry point.
  public var isExecutable: Bool

  /// The machine of an ELF file.
  public enum Machine: Sendable, Equatable {
    case x86_64
    case aarch64
    /// Another machine, by its number, with its class in bits (32 or 64).
    case other(UInt16, bits: Int)
  }

  /// Reads the headers of a file. Returns `nil` if it is not an ELF file.
  ///
  /// - Throws: ``ELFFailure`` if the headers of an ELF file point outside the file, and errors of reading.
  public init?(path: String) throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
    try self.init(data)
  }

  /// Reads the headers from the content of a file. Returns `nil` if it is not an ELF file.
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

/// An error for an ELF file with contradictory headers.
public struct ELFFailure: Error, Equatable {
  public var reason: String
}

/// Bounds-checked access to the parts of an ELF file.
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
      throw ELFFailure(reason: "a header points to offset \(offset), but the file has only \(data.count) bytes")
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

  /// The text of a segment up to the first zero byte.
  func text(in segment: Segment) throws(ELFFailure) -> String {
    guard segment.offset >= 0, segment.size >= 0, segment.offset <= data.count - min(segment.size, data.count),
      segment.size <= data.count
    else { throw ELFFailure(reason: "a segment lies outside the file") }
    let start = data.startIndex + segment.offset
    return String(decoding: data[start..<start + segment.size].prefix { $0 != 0 }, as: UTF8.self)
  }

  /// The entries of the dynamic section up to its end marker.
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
