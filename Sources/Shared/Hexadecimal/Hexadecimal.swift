private let digits = Array("0123456789abcdef".utf8)

extension Sequence<UInt8> {
  /// The bytes as hexadecimal digits in lower case, two for each byte.
  public var hexadecimal: String {
    String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

extension FixedWidthInteger where Self: UnsignedInteger {
  /// The number as hexadecimal digits in lower case, with leading zeros for all its bits.
  public var hexadecimal: String {
    let text = String(self, radix: 16)
    return String(repeating: "0", count: Self.bitWidth / 4 - text.utf8.count) + text
  }
}

extension Collection<UInt8> {
  /// The bytes that these ASCII characters are the hexadecimal digits of, in lower or upper case; `nil` for any other
  /// text, and for an odd number of digits.
  public var decodedHexadecimal: [UInt8]? {
    guard count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count / 2)
    var high: UInt8?
    for character in self {
      guard let value = character.hexadecimalValue else { return nil }
      if let first = high {
        bytes.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return bytes
  }
}

extension UInt8 {
  /// The value of an ASCII character that is a hexadecimal digit.
  fileprivate var hexadecimalValue: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
