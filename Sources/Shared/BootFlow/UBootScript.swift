import PartitionTable

/// A script image for U-Boot's `source` command, as `mkimage -T script` makes it
/// (U-Boot, `include/image.h`, `struct legacy_img_hdr`).
enum UBootScript {
  private static let magic: UInt32 = 0x2705_1956
  private static let (linux, arm64, script, uncompressed): (UInt8, UInt8, UInt8, UInt8) = (5, 22, 6, 0)
  private static let nameLength = 32

  /// Makes the image of a script, with the timestamp 0.
  static func image(of text: String, name: String) -> [UInt8] {
    // A list of the texts' lengths, terminated by a zero, precedes the only text.
    let data = bigEndian(UInt32(text.utf8.count)) + bigEndian(0) + Array(text.utf8)
    func header(_ checksum: UInt32) -> [UInt8] {
      let title = Array(name.utf8.prefix(nameLength))
      let numbers = [magic, checksum, 0, UInt32(data.count), 0, 0, CRC32.checksum(data)]
      return numbers.flatMap(bigEndian) + [linux, arm64, script, uncompressed] + title
        + [UInt8](repeating: 0, count: nameLength - title.count)
    }
    return header(CRC32.checksum(header(0))) + data
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    (0..<4).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
