import FoundationEssentials

/// JSON for people, too: indented, with sorted keys.
public enum ReadableJSON {
  /// The text of a value, with a line break at its end.
  public static func encode(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(value)) + [0x0a]
  }

  /// Writes a value to standard output.
  public static func print(_ value: some Encodable) throws {
    Swift.print(String(decoding: try encode(value), as: UTF8.self), terminator: "")
  }
}
