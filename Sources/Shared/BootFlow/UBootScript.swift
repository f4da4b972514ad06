import PartitionTable

/// A script as U-Boot's `source` takes it: what `mkimage -T script` makes (U-Boot, `include/image.h`, `struct legacy_img_hdr`).
enum UBootScript {
  private static let magic: UInt32 = 0x2705_1956
  private static let (linux, arm64, script, uncompressed): (UInt8, UInt8, UInt8, UInt8) = (5, 22, 6, 0)
  private static let nameLength = 32

  /// The image of a script; its time is 1970.
  static func image(of text: String, name: String) -> [UInt8] {
    // A list of lengths, which ends with a zero, stands before the only text.
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
