import Glibc

/// A moment by the clock of a device: in JSON a text like `2026-11-30T23:10:00Z` (RFC 3339).
public struct Timestamp: Equatable, Hashable, Sendable {
  /// Seconds since 1970.
  public var seconds: Int

  /// Takes seconds since 1970.
  public init(_ seconds: Int) { self.seconds = seconds }

  /// The time of day.
  public static var now: Timestamp { Timestamp(time(nil)) }
}

extension Timestamp: CustomStringConvertible, LosslessStringConvertible {
  /// The text.
  public var description: String {
    var value = time_t(seconds)
    var parts = tm()
    gmtime_r(&value, &parts)
    var buffer = [CChar](repeating: 0, count: 64)
    let length = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
    return String(decoding: buffer.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Reads the text, as ``description`` writes it.
  public init?(_ text: String) {
    let words = text.split(whereSeparator: { "-T:Z".contains($0) }).compactMap { Int32($0) }
    guard words.count == 6, words[0] >= 1900 else { return nil }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (words[0] - 1900, words[1] - 1, words[2])
    (parts.tm_hour, parts.tm_min, parts.tm_sec) = (words[3], words[4], words[5])
    self.init(Int(timegm(&parts)))
    // What is not a date as it is written, as the 31st of February, would be another one.
    guard description == text else { return nil }
  }
}

extension Timestamp: ExpressibleByIntegerLiteral {
  /// Takes seconds since 1970.
  public init(integerLiteral seconds: Int) { self.init(seconds) }
}

extension Timestamp: Codable {
  /// Reads the text.
  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    let text = try value.decode(String.self)
    guard let time = Timestamp(text) else {
      throw DecodingError.dataCorruptedError(in: value, debugDescription: "“\(text)” is not a date")
    }
    self = time
  }

  /// Writes the text.
  public func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    try value.encode(description)
  }
}
