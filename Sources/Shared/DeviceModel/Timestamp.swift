import Glibc

/// A time of the device's clock. The JSON form is a string like `2026-11-30T23:10:00Z` (RFC 3339).
public struct Timestamp: Equatable, Hashable, Sendable {
  /// Seconds since 1970.
  public var seconds: Int

  public init(_ seconds: Int) { self.seconds = seconds }

  /// The current time.
  public static var now: Timestamp { Timestamp(time(nil)) }
}

extension Timestamp: CustomStringConvertible, LosslessStringConvertible {
  /// The time as a string like `2026-11-30T23:10:00Z`.
  public var description: String {
    var value = time_t(seconds)
    var parts = tm()
    gmtime_r(&value, &parts)
    var buffer = [CChar](repeating: 0, count: 64)
    let length = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
    return String(decoding: buffer.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Parses a string in the form of ``description``; `nil` for any other text.
  public init?(_ text: String) {
    let words = text.split(whereSeparator: { "-T:Z".contains($0) }).compactMap { Int32($0) }
    guard words.count == 6, words[0] >= 1900 else { return nil }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (words[0] - 1900, words[1] - 1, words[2])
    (parts.tm_hour, parts.tm_min, parts.tm_sec) = (words[3], words[4], words[5])
    self.init(Int(timegm(&parts)))
    // Rejects invalid dates like 31 February, which `timegm` would convert to another date.
    guard description == text else { return nil }
  }
}

extension Timestamp: ExpressibleByIntegerLiteral {
  public init(integerLiteral seconds: Int) { self.init(seconds) }
}

extension Timestamp: Codable {
  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    let text = try value.decode(String.self)
    guard let time = Timestamp(text) else {
      throw DecodingError.dataCorruptedError(in: value, debugDescription: "“\(text)” is not a date")
    }
    self = time
  }

  public func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    try value.encode(description)
  }
}
