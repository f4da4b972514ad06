/// An inode: all metadata of a file, folder or link except its names.
public struct ExtInode: Sendable {
  /// The type of an inode.
  public enum Kind: Sendable {
    case file, folder, link, device, pipe, socket, unknown
  }

  public let number: UInt32
  let bytes: [UInt8]

  public var kind: Kind {
    switch bytes.number(at: 0, as: UInt16.self) & 0xF000 {
    case 0x8000: .file
    case 0x4000: .folder
    case 0xA000: .link
    case 0x2000, 0x6000: .device
    case 0x1000: .pipe
    case 0xC000: .socket
    default: .unknown
    }
  }

  /// The twelve mode bits.
  public var mode: UInt32 { UInt32(bytes.number(at: 0, as: UInt16.self) & 0xFFF) }
  /// Number of the owner.
  public var uid: UInt32 { half(2) | half(120) << 16 }
  /// Number of the group.
  public var gid: UInt32 { half(24) | half(122) << 16 }
  /// Number of names.
  public var links: Int { Int(half(26)) }
  /// Size of the content in bytes.
  public var size: UInt64 {
    // In old file systems, the upper half has another meaning for folders.
    UInt64(bytes.number(at: 4, as: UInt32.self))
      | (kind == .file ? UInt64(bytes.number(at: 108, as: UInt32.self)) << 32 : 0)
  }
  /// Modification time in seconds since 1970.
  public var time: Int64 {
    let seconds = Int64(Int32(truncatingIfNeeded: bytes.number(at: 16, as: UInt32.self)))
    guard bytes.count > 128, extraSize >= 12 else { return seconds }
    return seconds + Int64(bytes.number(at: 136, as: UInt32.self) & 0b11) << 32
  }

  var flags: UInt32 { bytes.number(at: 32) }
  var usesExtents: Bool { flags & 0x80000 != 0 }
  /// The 60 bytes of the block map or extent tree, or of a short link's target.
  var map: [UInt8] { Array(bytes[40..<100]) }
  var attributeBlock: UInt64 { UInt64(bytes.number(at: 104, as: UInt32.self)) | UInt64(half(118)) << 32 }

  /// Extended attributes inside the inode, from their magic number on; empty if there are none.
  var ownAttributes: [UInt8] {
    let start = 128 + extraSize
    guard bytes.count > 128, start + 4 <= bytes.count else { return [] }
    return Array(bytes[start...])
  }

  private var extraSize: Int { Int(bytes.number(at: 128, as: UInt16.self)) }
  private func half(_ offset: Int) -> UInt32 { UInt32(bytes.number(at: offset, as: UInt16.self)) }
}
