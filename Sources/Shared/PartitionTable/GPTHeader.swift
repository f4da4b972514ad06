/// The header of a primary or backup table, with the fields of UEFI specification 2.10, section 5.3.2.
struct GPTHeader: Equatable {
  static let signature = Array("EFI PART".utf8)
  static let revision: UInt32 = 0x0001_0000
  static let size = 92

  var myLBA: UInt64
  var alternateLBA: UInt64
  var firstUsableLBA: UInt64
  var lastUsableLBA: UInt64
  var diskGUID: GUID
  var entriesLBA: UInt64
  var entryCount = GPT.entryCount
  var entrySize = GPT.entrySize
  var entriesChecksum: UInt32

  func serialised() -> [UInt8] {
    var header = bytes(checksum: 0)
    header = bytes(checksum: CRC32.checksum(header))
    return header + Array(repeating: 0, count: GPT.sectorSize - header.count)
  }

  private func bytes(checksum: UInt32) -> [UInt8] {
    var bytes = Self.signature
    bytes.append(littleEndian: Self.revision)
    bytes.append(littleEndian: UInt32(Self.size))
    bytes.append(littleEndian: checksum)
    bytes.append(littleEndian: UInt32(0))
    for lba in [myLBA, alternateLBA, firstUsableLBA, lastUsableLBA] { bytes.append(littleEndian: lba) }
    bytes += diskGUID.onDisk
    bytes.append(littleEndian: entriesLBA)
    bytes.append(littleEndian: UInt32(entryCount))
    bytes.append(littleEndian: UInt32(entrySize))
    bytes.append(littleEndian: entriesChecksum)
    return bytes
  }
}

extension GPTHeader {
  /// Parses and checks a header.
  ///
  /// - Parameters:
  ///   - sector: The sector's bytes.
  ///   - lba: The sector's number.
  /// - Throws: ``GPTError`` if the header is not valid.
  init(sector: [UInt8], lba: UInt64) throws(GPTError) {
    guard sector.count >= GPT.sectorSize else { throw .truncated }
    guard sector.starts(with: Self.signature) else { throw .noSignature }
    let size = Int(sector.littleEndian(at: 12, as: UInt32.self))
    guard (Self.size...GPT.sectorSize).contains(size) else { throw .invalidGeometry }
    var covered = Array(sector.prefix(size))
    covered.replaceSubrange(16..<20, with: [0, 0, 0, 0])
    guard CRC32.checksum(covered) == sector.littleEndian(at: 16, as: UInt32.self) else { throw .headerChecksum }

    myLBA = sector.littleEndian(at: 24)
    guard myLBA == lba else { throw .misplaced(expected: lba, found: myLBA) }
    alternateLBA = sector.littleEndian(at: 32)
    firstUsableLBA = sector.littleEndian(at: 40)
    lastUsableLBA = sector.littleEndian(at: 48)
    guard let guid = GUID(onDisk: sector[56..<72]) else { throw .truncated }
    diskGUID = guid
    entriesLBA = sector.littleEndian(at: 72)
    entryCount = Int(sector.littleEndian(at: 80, as: UInt32.self))
    entrySize = Int(sector.littleEndian(at: 84, as: UInt32.self))
    entriesChecksum = sector.littleEndian(at: 88)
    // Check the bounds before these numbers are used for reads or allocations: the disk is not trusted.
    guard (1...1024).contains(entryCount), entrySize >= 128, entrySize <= 1024, entrySize.nonzeroBitCount == 1,
      entriesLBA >= 2, entriesLBA < 1 << 54, alternateLBA < 1 << 54, firstUsableLBA <= lastUsableLBA,
      lastUsableLBA < 1 << 54
    else { throw .invalidGeometry }
  }

  /// Number of sectors of the entry array.
  var entriesSectorCount: Int {
    (entryCount * entrySize + GPT.sectorSize - 1) / GPT.sectorSize
  }
}
