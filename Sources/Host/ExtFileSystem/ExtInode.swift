/// An inode: what a file, folder or link is but its names.
public struct ExtInode: Sendable {
  /// What an inode is of.
  public enum Kind: Sendable {
    case file, folder, link, device, pipe, socket, unknown
  }

  /// Its number.
  public let number: UInt32
  let bytes: [UInt8]

  /// What it is.
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

  /// The twelve bits of mode.
  public var mode: UInt32 { UInt32(bytes.number(at: 0, as: UInt16.self) & 0xFFF) }
  /// Number of the owner.
  public var uid: UInt32 { half(2) | half(120) << 16 }
  /// Number of the group.
  public var gid: UInt32 { half(24) | half(122) << 16 }
  /// How many names it has.
  public var links: Int { Int(half(26)) }
  /// Bytes of content.
  public var size: UInt64 {
    // Of folders, the upper half is something else in old file systems.
    UInt64(bytes.number(at: 4, as: UInt32.self))
      | (kind == .file ? UInt64(bytes.number(at: 108, as: UInt32.self)) << 32 : 0)
  }
  /// Time of modification, in seconds since 1970.
  public var time: Int64 {
    let seconds = Int64(Int32(truncatingIfNeeded: bytes.number(at: 16, as: UInt32.self)))
    guard bytes.count > 128, extraSize >= 12 else { return seconds }
    return seconds + Int64(bytes.number(at: 136, as: UInt32.self) & 0b11) << 32
  }

  var flags: UInt32 { bytes.number(at: 32) }
  var usesExtents: Bool { flags & 0x80000 != 0 }
  /// The 60 bytes that say where the content is, or are a short link's target.
  var map: [UInt8] { Array(bytes[40..<100]) }
  var attributeBlock: UInt64 { UInt64(bytes.number(at: 104, as: UInt32.self)) | UInt64(half(118)) << 32 }

  /// Attributes that stand in the inode itself, from their mark on; empty where there are none.
  var ownAttributes: [UInt8] {
    let start = 128 + extraSize
    guard bytes.count > 128, start + 4 <= bytes.count else { return [] }
    return Array(bytes[start...])
  }

  private var extraSize: Int { Int(bytes.number(at: 128, as: UInt16.self)) }
  private func half(_ offset: Int) -> UInt32 { UInt32(bytes.number(at: offset, as: UInt16.self)) }
}
