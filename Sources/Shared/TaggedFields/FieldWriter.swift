/// Writes tagged fields: a tag of 16 bits, a length of 32 bits, both little-endian, then the value.
///
/// Fields are written in the order of their tags, so that the same content has the same bytes. A tag with its highest bit set
/// (``FieldReader/skippable``) is passed over by readers that do not know it; any other unknown tag makes them refuse the whole.
public struct FieldWriter {
  /// The bytes written so far.
  public private(set) var bytes: [UInt8] = []
  private var lastTag: UInt16 = 0

  /// Starts with no fields.
  public init() {}

  /// Adds a field.
  ///
  /// - Precondition: Tags do not fall.
  public mutating func add(_ tag: UInt16, _ value: some Collection<UInt8>) {
    precondition(FieldReader.rank(tag) >= FieldReader.rank(lastTag), "fields are written in the order of their tags")
    lastTag = tag
    append(tag)
    append(UInt32(value.count))
    bytes.append(contentsOf: value)
  }

  /// Adds text, in UTF-8.
  public mutating func add(_ tag: UInt16, text: String) { add(tag, Array(text.utf8)) }

  /// Adds a number, little-endian in its full width.
  public mutating func add(_ tag: UInt16, number: some FixedWidthInteger) {
    add(tag, withUnsafeBytes(of: number.littleEndian) { Array($0) })
  }

  private mutating func append(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }
}
