import TaggedFields
import Testing

@Suite("Tagged fields")
struct TaggedFieldsTests {
  private static func record(_ write: (inout FieldWriter) -> Void) -> ArraySlice<UInt8> {
    var writer = FieldWriter()
    write(&writer)
    return writer.bytes[...]
  }

  @Test("Written fields are read back")
  func roundTrip() throws {
    let bytes = Self.record {
      $0.add(1, text: "a thing")
      $0.add(2, number: 0x1234_5678 as UInt32)
      $0.add(3, [1, 2])
      $0.add(3, [3])
    }
    #expect(Array(bytes.prefix(13)) == [1, 0, 7, 0, 0, 0] + Array("a thing".utf8))
    var reader = try FieldReader(bytes, of: "the record")
    #expect(try reader.text(1, "name", length: 1...20) == "a thing")
    #expect(try reader.number(2, "size") == 0x1234_5678 as UInt32)
    #expect(try reader.values(3, "part", count: 1...2, length: 1...2).map(Array.init) == [[1, 2], [3]])
    #expect(try reader.optionalNumber(4, "more") == nil as UInt8?)
    try reader.finish()
  }

  @Test("An unknown field is refused, unless its tag allows skipping")
  func unknown() throws {
    for (tag, isRefused) in [(2 as UInt16, true), (2 | FieldReader.skippable, false)] {
      let bytes = Self.record {
        $0.add(1, [1])
        $0.add(tag, [])
        $0.add(3, [3])
      }
      var reader = try FieldReader(bytes, of: "the record")
      _ = try reader.value(1, "first", length: 1...1)
      if isRefused {
        #expect(throws: FieldFailure.self) { _ = try reader.value(3, "third", length: 1...1) }
        #expect(throws: FieldFailure("the record has the required field 2, which this version does not know")) {
          try reader.finish()
        }
      } else {
        #expect(try Array(reader.value(3, "third", length: 1...1)) == [3])
        try reader.finish()
      }
    }
  }

  @Test("Every truncation, a length beyond the end, and descending tags are refused")
  func damage() throws {
    let bytes = Self.record {
      $0.add(1, [1, 2, 3])
      $0.add(2, [4])
    }
    for count in 1..<bytes.count where count != 9 {
      #expect(throws: FieldFailure.self) { _ = try FieldReader(bytes.prefix(count), of: "the record") }
    }
    #expect(throws: FieldFailure.self) { _ = try FieldReader([1, 0, 255, 255, 255, 255, 0], of: "the record") }
    #expect(throws: FieldFailure.self) { _ = try FieldReader(bytes.dropFirst(9) + bytes.prefix(9), of: "the record") }
  }

  @Test("Counts, lengths and kinds of characters are limited, and the error names them")
  func bounds() throws {
    let bytes = Self.record {
      $0.add(1, text: "a\u{1b}[2J")
      $0.add(2, [1, 2])
      $0.add(2, [1, 2])
    }
    var reader = try FieldReader(bytes, of: "the record")
    #expect(throws: FieldFailure("the record: name is not printable text in UTF-8")) {
      _ = try reader.text(1, "name", length: 1...20)
    }
    #expect(throws: FieldFailure("the record: size has 2 bytes; allowed: 4")) {
      _ = try reader.number(2, "size") as UInt32
    }
    var other = try FieldReader(bytes, of: "the record")
    _ = try other.value(1, "name", length: 0...9)
    #expect(throws: FieldFailure("the record: number of pair: 2; allowed: 1")) {
      _ = try other.value(2, "pair", length: 2...2)
    }
  }
}
