import TaggedFields

/// Reads numbers and runs of bytes from a table that is not trusted; nothing is read beyond its end.
struct ByteCursor {
  private(set) var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  /// Takes one byte.
  mutating func byte() throws(FieldFailure) -> UInt8 {
    guard let byte = rest.popFirst() else { throw FieldFailure("it ends early") }
    return byte
  }

  /// Takes a number in the fewest groups of seven bits, the lowest first (LEB128).
  mutating func number(upTo limit: Int) throws(FieldFailure) -> Int {
    var (value, shift) = (0, 0)
    while true {
      let next = try byte()
      guard shift < 49 else { throw FieldFailure("a number is too long") }
      value |= Int(next & 0x7f) << shift
      shift += 7
      if next & 0x80 == 0 {
        guard next != 0 || shift == 7 else { throw FieldFailure("a number is longer than it needs to be") }
        guard value <= limit else { throw FieldFailure("a number is \(value), and may be \(limit) at most") }
        return value
      }
    }
  }

  /// Takes a number that may be negative: the sign in the lowest bit.
  mutating func signedNumber() throws(FieldFailure) -> Int {
    let value = try number(upTo: Int.max)
    return value & 1 == 0 ? value >> 1 : ~(value >> 1)
  }

  /// Takes bytes.
  mutating func bytes(_ count: Int) throws(FieldFailure) -> ArraySlice<UInt8> {
    guard count <= rest.count else { throw FieldFailure("it ends early") }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }
}

extension [UInt8] {
  /// Adds what ``ByteCursor/number(upTo:)`` reads.
  mutating func append(number: Int) {
    var rest = UInt64(number)
    repeat {
      append(UInt8(rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
      rest >>= 7
    } while rest > 0
  }

  /// Adds what ``ByteCursor/signedNumber()`` reads.
  mutating func append(signedNumber number: Int) { append(number: number < 0 ? ~number << 1 | 1 : number << 1) }
}
