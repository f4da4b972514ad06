import Hexadecimal

extension StringProtocol {
  /// The text without white space and line feeds at both ends.
  public var trimmed: String { trimming(\.isWhitespace) }

  /// The text without the characters at both ends that satisfy a condition.
  public func trimming(_ isDropped: (Character) -> Bool) -> String {
    let rest = drop(while: isDropped)
    guard let last = rest.lastIndex(where: { !isDropped($0) }) else { return "" }
    return String(rest[...last])
  }

  /// The text, padded with spaces to the width of a table column. A longer text is unchanged.
  ///
  /// - Parameter width: Width of the column in characters.
  public func padded(to width: Int) -> String {
    self + String(repeating: " ", count: Swift.max(0, width - count))
  }

  /// The text with percent-encoded bytes decoded (RFC 3986, section 2.1); `nil` if a `%` is not followed by two
  /// hexadecimal digits, or the bytes are not UTF-8.
  public var percentDecoded: String? {
    var bytes: [UInt8] = []
    var rest = Substring(self).utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let value = rest.prefix(2).decodedHexadecimal, !value.isEmpty else { return nil }
      bytes += value
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
