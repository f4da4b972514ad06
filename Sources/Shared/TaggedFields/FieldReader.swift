/// Parses records of ``FieldWriter`` from an untrusted source. Each length is checked before it is used, and each
/// content has exactly one valid encoding.
///
/// The caller reads all known tags in ascending order and then calls ``finish()``, which throws if a field that cannot
/// be skipped was not read.
public struct FieldReader {
  /// The bit of tags that a reader may skip if it does not know them.
  public static let skippable: UInt16 = 0x8000

  /// Maximum number of fields in a record.
  public static let mostFields = 4096

  private let name: String
  private var fields: ArraySlice<(tag: UInt16, value: ArraySlice<UInt8>)>

  /// Splits a record into fields.
  ///
  /// - Parameters:
  ///   - bytes: Exactly the record.
  ///   - name: The name of the record, for errors.
  /// - Throws: ``FieldFailure`` if a field goes beyond the end, tags are not in ascending order, or there are more than
  ///   ``mostFields``.
  public init(_ bytes: ArraySlice<UInt8>, of name: String) throws(FieldFailure) {
    self.name = name
    var fields: [(tag: UInt16, value: ArraySlice<UInt8>)] = []
    var rest = bytes
    while !rest.isEmpty {
      guard rest.count >= 6 else { throw FieldFailure("\(name) ends within the header of a field") }
      guard fields.count < Self.mostFields else {
        throw FieldFailure("\(name) has more than \(Self.mostFields) fields")
      }
      let tag: UInt16 = Self.number(rest.prefix(2))
      let length = Int(Self.number(rest.dropFirst(2).prefix(4)) as UInt32)
      rest = rest.dropFirst(6)
      guard length <= rest.count else { throw FieldFailure("\(name) ends within field \(tag)") }
      if let last = fields.last, Self.rank(tag) < Self.rank(last.tag) {
        throw FieldFailure("\(name) has its fields in the wrong order")
      }
      fields.append((tag, rest.prefix(length)))
      rest = rest.dropFirst(length)
    }
    self.fields = fields[...]
  }

  /// Reads the values of all fields with a tag.
  ///
  /// - Throws: ``FieldFailure`` if their number or a length is out of bounds.
  public mutating func values(
    _ tag: UInt16, _ what: String, count: ClosedRange<Int>, length: ClosedRange<Int>
  ) throws(FieldFailure) -> [ArraySlice<UInt8>] {
    skipTo(tag)
    var result: [ArraySlice<UInt8>] = []
    while let field = fields.first, field.tag == tag {
      guard length.contains(field.value.count) else {
        throw FieldFailure("\(name): \(what) has \(field.value.count) bytes; allowed: \(Self.words(length))")
      }
      result.append(field.value)
      fields.removeFirst()
    }
    guard count.contains(result.count) else {
      throw FieldFailure("\(name): number of \(what): \(result.count); allowed: \(Self.words(count))")
    }
    return result
  }

  /// Reads the value of the only field with a tag.
  ///
  /// - Throws: ``FieldFailure``.
  public mutating func value(
    _ tag: UInt16, _ what: String, length: ClosedRange<Int>
  ) throws(FieldFailure) -> ArraySlice<UInt8> {
    try values(tag, what, count: 1...1, length: length)[0]
  }

  /// Reads texts of printable characters.
  ///
  /// - Parameters:
  ///   - length: Length of each text, in bytes of UTF-8.
  ///   - isProse: True to allow line feeds and tabs.
  /// - Throws: ``FieldFailure``, also if a text is not UTF-8 or has control characters, which could deceive a reader on
  ///   a terminal.
  public mutating func texts(
    _ tag: UInt16, _ what: String, count: ClosedRange<Int>, length: ClosedRange<Int>, isProse: Bool = false
  ) throws(FieldFailure) -> [String] {
    var result: [String] = []
    for value in try values(tag, what, count: count, length: length) {
      guard let text = String(validating: value, as: UTF8.self),
        text.unicodeScalars.allSatisfy({ scalar in
          switch scalar.properties.generalCategory {
          case .control: isProse && (scalar == "\n" || scalar == "\t")
          case .format, .surrogate, .lineSeparator, .paragraphSeparator: false
          default: true
          }
        })
      else { throw FieldFailure("\(name): \(what) is not printable text in UTF-8") }
      result.append(text)
    }
    return result
  }

  /// Reads one text of printable characters.
  ///
  /// - Throws: ``FieldFailure``.
  public mutating func text(_ tag: UInt16, _ what: String, length: ClosedRange<Int>) throws(FieldFailure) -> String {
    try texts(tag, what, count: 1...1, length: length)[0]
  }

  /// Reads a text from a trusted source, with any characters.
  ///
  /// - Throws: ``FieldFailure``.
  public mutating func anyText(_ tag: UInt16, _ what: String) throws(FieldFailure) -> String {
    String(decoding: try value(tag, what, length: 0...Int(Int32.max)), as: UTF8.self)
  }

  /// Reads a list from a trusted source, as ``FieldWriter/add(_:list:)`` writes it.
  ///
  /// - Parameter size: Number of texts in a row.
  /// - Returns: The rows.
  /// - Throws: ``FieldFailure``, also if the last row is not complete.
  public mutating func rows(_ tag: UInt16, _ what: String, of size: Int) throws(FieldFailure) -> [[String]] {
    let texts = try value(tag, what, length: 0...Int(Int32.max)).split(
      separator: 0, omittingEmptySubsequences: false
    ).dropLast().map { String(decoding: $0, as: UTF8.self) }
    guard texts.count.isMultiple(of: size) else { throw FieldFailure("\(name): \(what) are not whole") }
    return stride(from: 0, to: texts.count, by: size).map { Array(texts[$0..<$0 + size]) }
  }

  /// Reads a list from a trusted source, as ``FieldWriter/add(_:list:)`` writes it.
  ///
  /// - Throws: ``FieldFailure``.
  public mutating func list(_ tag: UInt16, _ what: String) throws(FieldFailure) -> [String] {
    try rows(tag, what, of: 1).flatMap(\.self)
  }

  /// Reads a number; `nil` if there is no field with the tag.
  ///
  /// - Throws: ``FieldFailure``.
  public mutating func optionalNumber<Number: FixedWidthInteger>(
    _ tag: UInt16, _ what: String
  ) throws(FieldFailure) -> Number? {
    let width = Number.bitWidth / 8
    guard let value = try values(tag, what, count: 0...1, length: width...width).first else { return nil }
    return Self.number(value)
  }

  /// Reads a number.
  ///
  /// - Throws: ``FieldFailure``.
  public mutating func number<Number: FixedWidthInteger>(
    _ tag: UInt16, _ what: String
  ) throws(FieldFailure) -> Number {
    guard let number: Number = try optionalNumber(tag, what) else { throw FieldFailure("\(name): \(what) is missing") }
    return number
  }

  /// Checks that no required fields are left.
  ///
  /// - Throws: ``FieldFailure`` for a field that was not read and cannot be skipped.
  public mutating func finish() throws(FieldFailure) {
    if let field = fields.first(where: { $0.tag & Self.skippable == 0 }) {
      throw FieldFailure("\(name) has the required field \(field.tag), which this version does not know")
    }
  }

  /// The sort order of tags: by number, ignoring the bit of skippable tags.
  static func rank(_ tag: UInt16) -> UInt16 { tag & ~skippable }

  private mutating func skipTo(_ tag: UInt16) {
    while let field = fields.first, field.tag != tag, field.tag & Self.skippable != 0,
      Self.rank(field.tag) <= Self.rank(tag)
    {
      fields.removeFirst()
    }
  }

  private static func number<Number: FixedWidthInteger>(_ bytes: ArraySlice<UInt8>) -> Number {
    bytes.reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
  }

  private static func words(_ range: ClosedRange<Int>) -> String {
    range.lowerBound == range.upperBound ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
  }
}
