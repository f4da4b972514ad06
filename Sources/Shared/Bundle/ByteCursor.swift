import TaggedFields

/// Reads numbers and bytes from an untrusted table, and never beyond its end.
struct ByteCursor {
  private(set) var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  /// Reads one byte.
  mutating func byte() throws(FieldFailure) -> UInt8 {
    guard let byte = rest.popFirst() else { throw FieldFailure("it ends early") }
    return byte
  }

  /// Reads an unsigned number in LEB128: groups of seven bits, lowest first. Only the shortest form is accepted.
  mutating func number(upTo limit: Int) throws(FieldFailure) -> Int {
    var (value, shift) = (0, 0)
    while true {
      let next = try byte()
      guard shift < 49 else { throw FieldFailure("a number is too long") }
      value |= Int(next & 0x7f) << shift
      shift += 7
      if next & 0x80 == 0 {
        guard next != 0 || shift == 7 else { throw FieldFailure("a number is longer than it needs to be") }
        guard value <= limit else { throw FieldFailure("a number is \(value); the limit is \(limit)") }
        return value
      }
    }
  }

  /// Reads a signed number: the lowest bit is the sign.
  mutating func signedNumber() throws(FieldFailure) -> Int {
    let value = try number(upTo: Int.max)
    return value & 1 == 0 ? value >> 1 : ~(value >> 1)
  }

  /// Reads `count` bytes.
  mutating func bytes(_ count: Int) throws(FieldFailure) -> ArraySlice<UInt8> {
    guard count <= rest.count else { throw FieldFailure("it ends early") }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }
}

extension [UInt8] {
  /// Appends a number in the format of ``ByteCursor/number(upTo:)``.
  mutating func append(number: Int) {
    var rest = UInt64(number)
    repeat {
      append(UInt8(rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
      rest >>= 7
    } while rest > 0
  }

  /// Appends a number in the format of ``ByteCursor/signedNumber()``.
  mutating func append(signedNumber number: Int) { append(number: number < 0 ? ~number << 1 | 1 : number << 1) }
}
