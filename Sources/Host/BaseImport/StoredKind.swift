import ExtFileSystem
import Hexadecimal

/// The format of a file or partition, detected by its content and never by its name.
enum StoredKind: Equatable, Sendable {
  /// A compressed file that `zstd` can read: xz, zstd, gzip.
  case compressed
  case tar
  /// ext2, ext3 or ext4.
  case ext
  /// FAT, with its serial number in the form of `/etc/fstab`, and its label.
  case fat(id: String, label: String)
  /// A known but unsupported format, by its common name.
  case unreadable(String)
  /// An unknown format.
  case unknown

  /// Detects the format from the beginning of a range.
  init(of region: FileRange) throws {
    let start = try region.read(0, 4096)
    let far = try region.read(32_768, 36_864)
    func has(_ text: String, at offset: Int) -> Bool { Self.has(Array(text.utf8), in: start, at: offset) }
    if Self.isTar(start) {
      self = .tar
    } else if let name = Self.unreadable.first(where: {
      Self.has($0.mark, in: $0.offset < 4096 ? start : far, at: $0.place)
    }) {
      self = .unreadable(name.name)
    } else if Self.compressions.contains(where: { Self.has($0, in: start, at: 0) }) {
      self = .compressed
    } else if ExtFileSystem.isOne(start) {
      self = .ext
    } else if has("FAT32", at: 82) {
      self = Self.fat(start, idAt: 67, labelAt: 71)
    } else if has("FAT1", at: 54) {
      self = Self.fat(start, idAt: 39, labelAt: 43)
    } else {
      self = .unknown
    }
  }

  /// True if the first sector may look like a master boot record although there is no partition table.
  var hasStartSector: Bool {
    switch self {
    case .fat: true
    case .unreadable(let name): name == "NTFS" || name == "exFAT"
    default: false
    }
  }

  /// Name for messages.
  var title: String {
    switch self {
    case .compressed: "a compressed file"
    case .tar: "a tar archive"
    case .ext: "ext2/3/4"
    case .fat: "FAT"
    case .unreadable(let name): name
    case .unknown: "unknown content"
    }
  }

  private struct Mark {
    var name: String
    var mark: [UInt8]
    var offset: Int
    /// Offset in the buffer that was read.
    var place: Int { offset < 4096 ? offset : offset - 32_768 }

    init(_ name: String, _ mark: [UInt8], at offset: Int) {
      self.name = name
      self.mark = mark
      self.offset = offset
    }

    init(_ name: String, _ mark: String, at offset: Int) { self.init(name, Array(mark.utf8), at: offset) }
  }

  private static let compressions: [[UInt8]] = [
    [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], [0x28, 0xB5, 0x2F, 0xFD], [0x1F, 0x8B],
  ]

  /// In the order of the checks. Containers for other formats come first.
  private static let unreadable = [
    Mark("LUKS encryption", "LUKS\u{BA}\u{BE}".unicodeScalars.map { UInt8($0.value) }, at: 0),
    Mark("an LVM physical volume", "LABELONE", at: 512), Mark("btrfs", "_BHRfS_M", at: 0x10040),
    Mark("XFS", "XFSB", at: 0), Mark("F2FS", [0x10, 0x20, 0xF5, 0xF2], at: 1024),
    Mark("EROFS", [0xE2, 0xE1, 0xF5, 0xE0], at: 1024), Mark("squashfs", "hsqs", at: 0),
    Mark("swap", "SWAPSPACE2", at: 4086), Mark("NTFS", "NTFS    ", at: 3), Mark("exFAT", "EXFAT   ", at: 3),
    Mark("a CD or DVD image (ISO 9660)", "CD001", at: 32_769),
    Mark("a qcow2 disk image", "QFI\u{FB}".unicodeScalars.map { UInt8($0.value) }, at: 0),
    Mark("a bzip2 file", "BZh", at: 0), Mark("a zip file", "PK\u{3}\u{4}", at: 0),
  ]

  private static func has(_ mark: [UInt8], in bytes: [UInt8], at offset: Int) -> Bool {
    offset >= 0 && bytes.count >= offset + mark.count && bytes[offset..<offset + mark.count].elementsEqual(mark)
  }

  private static func fat(_ start: [UInt8], idAt id: Int, labelAt label: Int) -> StoredKind {
    let digits = start[id..<id + 4].reversed().hexadecimal.uppercased()
    let text = String(decoding: start[label..<label + 11], as: UTF8.self)
    return .fat(
      id: digits.prefix(4) + "-" + digits.suffix(4),
      label: String(text.trimmingSuffix(while: { $0 == " " })))
  }

  /// In every tar format, the header contains the sum of its bytes in octal, with the sum's own field counted as
  /// spaces.
  private static func isTar(_ start: [UInt8]) -> Bool {
    guard start.count >= 512, start[0] != 0 else { return false }
    let written = start[148..<156].filter { (0x30...0x37).contains($0) }.reduce(0) { $0 * 8 + Int($1 - 0x30) }
    let sum = start[..<512].enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 0x20 : Int($1.element)) }
    return written == sum
  }
}

extension String {
  fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> Substring {
    var rest = self[...]
    while let last = rest.last, predicate(last) { rest.removeLast() }
    return rest
  }
}
