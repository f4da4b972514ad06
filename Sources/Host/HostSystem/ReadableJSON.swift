import FoundationEssentials

/// JSON that people can read as well: indented, with sorted keys.
public enum ReadableJSON {
  /// Encodes a value as text with a final line break.
  public static func encode(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(value)) + [0x0a]
  }

  public static func print(_ value: some Encodable) throws {
    Swift.print(String(decoding: try encode(value), as: UTF8.self), terminator: "")
  }
}
