/// A version with Debian's order (deb-version(7)): numbers by value, a tilde before everything, even the end.
public struct ReleaseVersion: Comparable, Sendable {
  /// The version as written.
  public let text: String

  /// Makes a version. Any text is valid.
  public init(_ text: String) { self.text = text }

  /// True if both have the same place in the order, like `1.0` and `1.00`.
  public static func == (one: Self, other: Self) -> Bool { !(one < other) && !(other < one) }

  /// True if the first version is lower.
  public static func < (one: Self, other: Self) -> Bool {
    let (left, right) = (one.parts, other.parts)
    if left.epoch != right.epoch { return left.epoch < right.epoch }
    let upstream = compare(left.upstream, right.upstream)
    return upstream == 0 ? compare(left.revision, right.revision) < 0 : upstream < 0
  }

  private var parts: (epoch: UInt64, upstream: Substring.UTF8View, revision: Substring.UTF8View) {
    var rest = text[...]
    var epoch: UInt64 = 0
    if let colon = rest.firstIndex(of: ":"), let number = UInt64(rest[..<colon]) {
      (epoch, rest) = (number, rest[rest.index(after: colon)...])
    }
    guard let dash = rest.lastIndex(of: "-") else { return (epoch, rest.utf8, Substring().utf8) }
    return (epoch, rest[..<dash].utf8, rest[rest.index(after: dash)...].utf8)
  }

  private static func compare(_ one: Substring.UTF8View, _ other: Substring.UTF8View) -> Int {
    var (left, right) = (one[...], other[...])
    while !left.isEmpty || !right.isEmpty {
      while left.first.map({ !isDigit($0) }) ?? false || right.first.map({ !isDigit($0) }) ?? false {
        let difference = rank(left.first) - rank(right.first)
        if difference != 0 { return difference }
        (left, right) = (left.dropFirst(), right.dropFirst())
      }
      let (first, second) = (number(&left), number(&right))
      if first.count != second.count { return first.count - second.count }
      for (a, b) in zip(first, second) where a != b { return Int(a) - Int(b) }
    }
    return 0
  }

  /// Removes the digits at the beginning and returns them without leading zeros.
  private static func number(_ text: inout Substring.UTF8View.SubSequence) -> Substring.UTF8View.SubSequence {
    let digits = text.prefix(while: isDigit)
    text = text.dropFirst(digits.count)
    return digits.drop { $0 == UInt8(ascii: "0") }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  /// Ranks a character: a tilde, then the end or a digit, then letters, then other characters.
  private static func rank(_ byte: UInt8?) -> Int {
    guard let byte, !isDigit(byte) else { return 0 }
    switch byte {
    case UInt8(ascii: "~"): return -1
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): return Int(byte)
    default: return Int(byte) + 256
    }
  }
}
