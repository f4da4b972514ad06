extension String {
  /// The text for a terminal. Characters that would move the cursor or change settings or text direction are escaped,
  /// as in `\\u{1b}`.
  ///
  /// Tabs and line feeds are kept.
  public var escapedForTerminal: String {
    guard unicodeScalars.contains(where: Self.isSteering) else { return self }
    return unicodeScalars.reduce(into: "") { text, scalar in
      if Self.isSteering(scalar) {
        text += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
  }

  private static func isSteering(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0a: false
    case 0..<0x20, 0x7f...0x9f: true
    // Marks that change the direction of text.
    case 0x061c, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069: true
    default: false
    }
  }
}
