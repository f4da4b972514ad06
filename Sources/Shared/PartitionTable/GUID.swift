import Hexadecimal

/// A globally unique identifier, as in the GUID Partition Table (UEFI specification 2.10, appendix A).
///
/// In the text form, all groups are big-endian. On a disk, the first three groups are little-endian.
public struct GUID: Hashable, Sendable {
  /// The first eight bytes of the text form.
  private let high: UInt64
  /// The last eight bytes of the text form.
  private let low: UInt64

  private init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// The zero GUID, which is the type of unused entries.
  public static let zero = GUID(high: 0, low: 0)

  /// Lengths of the groups of the text form, in characters.
  private static let groupLengths = [8, 4, 4, 4, 12]

  /// Parses the text form: 32 hexadecimal digits in groups of 8-4-4-4-12, in upper or lower case; `nil` for any other
  /// text.
  ///
  /// - Parameter text: The text, without braces.
  public init?(_ text: some StringProtocol) {
    let groups = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    guard groups.map(\.count) == Self.groupLengths else { return nil }
    guard let bytes = Array(groups.joined()).decodedHexadecimal else { return nil }
    self.init(high: Self.number(bytes.prefix(8)), low: Self.number(bytes.suffix(8)))
  }

  /// Returns the number of bytes in big-endian order.
  private static func number(_ bytes: some Sequence<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }

  /// Makes a random GUID (RFC 9562, version 4).
  ///
  /// - Parameter generator: Source of randomness. A seeded generator gives reproducible GUIDs.
  public static func random(using generator: inout some RandomNumberGenerator) -> GUID {
    let high: UInt64 = generator.next()
    let low: UInt64 = generator.next()
    return GUID(
      high: high & ~0xF000 | 0x4000,
      low: low & ~(0b11 << 62) | 0b10 << 62)
  }

  /// Makes a GUID from 16 arbitrary bytes, for example of a hash (RFC 9562, version 8); `nil` for another number of
  /// bytes.
  ///
  /// - Parameter bytes: The bytes in the order of the text form.
  public init?(customBytes bytes: some Collection<UInt8>) {
    guard bytes.count == 16 else { return nil }
    let (high, low) = (Self.number(bytes.prefix(8)), Self.number(bytes.suffix(8)))
    self.init(
      high: high & ~0xF000 | 0x8000,
      low: low & ~(0b11 << 62) | 0b10 << 62)
  }

  /// Decodes the form on a disk; `nil` unless there are 16 bytes.
  public init?(onDisk bytes: some Collection<UInt8>) {
    guard bytes.count == 16 else { return nil }
    let bytes = Array(bytes)
    let text = bytes[0..<4].reversed() + bytes[4..<6].reversed() + bytes[6..<8].reversed()
    self.init(
      high: Self.number(text), low: Self.number(bytes[8...]))
  }

  /// The form on a disk: 16 bytes.
  public var onDisk: [UInt8] {
    let text = (0..<8).map { UInt8(truncatingIfNeeded: high >> (56 - 8 * $0)) }
    let tail = (0..<8).map { UInt8(truncatingIfNeeded: low >> (56 - 8 * $0)) }
    return text[0..<4].reversed() + text[4..<6].reversed() + text[6..<8].reversed() + tail
  }
}

extension GUID: CustomStringConvertible {
  /// The text form in lower case, as in Linux (`PARTUUID`, `/dev/disk/by-partuuid`).
  public var description: String {
    var rest = Substring(high.hexadecimal + low.hexadecimal)
    let groups = Self.groupLengths.map { length in
      defer { rest = rest.dropFirst(length) }
      return String(rest.prefix(length))
    }
    return groups.joined(separator: "-")
  }

  /// The text form in upper case, as in the specification and sfdisk.
  public var uppercased: String { description.uppercased() }
}

extension GUID: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let guid = GUID(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "“\(text)” is not a GUID")
    }
    self = guid
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
