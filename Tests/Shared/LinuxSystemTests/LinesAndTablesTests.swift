import LinuxSystem
import Testing

@Suite("Lines and tables")
struct LinesAndTablesTests {
  @Test("Lines come out whole, however their bytes arrive")
  func lines() throws {
    var buffer = LineBuffer(limit: 8)
    var lines: [String] = []
    for byte in Array("one\n\ntwo\nthr".utf8) {
      buffer.add([byte])
      while let line = try buffer.next() { lines.append(String(decoding: line, as: UTF8.self)) }
    }
    #expect(lines == ["one", "", "two"])
    #expect(buffer.rest == Array("thr".utf8))
    #expect(!buffer.hasLine)
    buffer.add(Array("ee\nfour\n".utf8))
    #expect(buffer.hasLine)
    #expect(try buffer.next() == Array("three".utf8))
    #expect(try buffer.next() == Array("four".utf8))
  }

  @Test("A line without an end is refused at the limit, a complete one is not")
  func limit() throws {
    var buffer = LineBuffer(limit: 4)
    buffer.add(Array("123456789\n123".utf8))
    #expect(try buffer.next()?.count == 9)
    #expect(try buffer.next() == nil)
    buffer.add([52])
    #expect(throws: LineBuffer.TooLong.self) { try buffer.next() }
  }

  @Test("Columns line up, and no line ends with spaces")
  func table() {
    #expect(TextTable.text([["a", "long", "x"], ["longer", "b", ""], ["c"]]) == "a       long  x\nlonger  b\nc\n")
    #expect(TextTable.text([]) == "")
  }
}
