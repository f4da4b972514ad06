/// Writes tagged fields: a tag of 16 bits, a length of 32 bits, both little-endian, then the value.
///
/// Fields are written in the order of their tags, so that equal content gives equal bytes. Readers skip an unknown tag
/// if its highest bit is set (``FieldReader/skippable``). Any other unknown tag makes them reject the record.
public struct FieldWriter {
  /// The bytes written so far.
  public private(set) var bytes: [UInt8] = []
  private var lastTag: UInt16 = 0

  public init() {}

  /// Adds a field.
  ///
  /// - Precondition: The tag is not lower than that of the previous field.
  public mutating func add(_ tag: UInt16, _ value: some Collection<UInt8>) {
    precondition(FieldReader.rank(tag) >= FieldReader.rank(lastTag), "fields are written in the order of their tags")
    lastTag = tag
    append(tag)
    append(UInt32(value.count))
    bytes.append(contentsOf: value)
  }

  /// Adds a text in UTF-8.
  public mutating func add(_ tag: UInt16, text: String) { add(tag, Array(text.utf8)) }

  /// Adds a list of texts in UTF-8, each with a final zero byte. No text contains a zero byte.
  public mutating func add(_ tag: UInt16, list: some Sequence<String>) {
    add(tag, list.flatMap { Array($0.utf8) + [0] })
  }

  /// Adds a number, little-endian in its full width.
  public mutating func add(_ tag: UInt16, number: some FixedWidthInteger) {
    add(tag, withUnsafeBytes(of: number.littleEndian) { Array($0) })
  }

  private mutating func append(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }
}
