import Testing

@testable import Provisioning

@Suite("TOML documents")
struct TOMLDocumentTests {
  private func parse(_ text: String) throws -> DocumentTable { try TOMLDocument.parse(Array(text.utf8)) }

  @Test("Every form of a text has its value")
  func texts() throws {
    let table = try parse(
      #"""
      basic = "a\tb \"c\" \\ \u00e9 \U0001F600"   # a comment
      literal = 'C:\path "x"'
      "quoted key" = ''
      lines = """
      one
      two \
         three"""
      raw = '''
      it's "raw" \n'''
      quotes = """"two""""
      """#)
    #expect(table["basic"] == .text("a\tb \"c\" \\ é 😀"))
    #expect(table["literal"] == .text(#"C:\path "x""#))
    #expect(table["quoted key"] == .text(""))
    #expect(table["lines"] == .text("one\ntwo three"))
    #expect(table["raw"] == .text(#"it's "raw" \n"#))
    #expect(table["quotes"] == .text("\"two\""))
  }

  @Test("Numbers, Booleans, dates and lists have their types")
  func types() throws {
    let table = try parse(
      """
      n = +1_000
      m = -7
      hex = 0xDEAD_beef
      bits = 0b101
      on = true
      off = false
      float = 6.02e23
      infinite = -inf
      date = 1979-05-27 07:32:00Z
      day = 1979-05-27
      list = [ "a", # first
        'b',
      ]
      nested = [[1, 2], []]
      inline = { x = 1, y.z = "q" }
      """)
    #expect(table["n"] == .integer(1000))
    #expect(table["m"] == .integer(-7))
    #expect(table["hex"] == .integer(0xDEAD_BEEF))
    #expect(table["bits"] == .integer(5))
    #expect(table["on"] == .boolean(true) && table["off"] == .boolean(false))
    for key in ["float", "infinite", "date", "day"] { #expect(table[key] == .other, "\(key)") }
    #expect(table["list"] == .list([.text("a"), .text("b")]))
    #expect(table["nested"] == .list([.list([.integer(1), .integer(2)]), .list([])]))
    #expect(table["inline"]?.table?["y"]?.table?["z"] == .text("q"))
  }

  @Test("Headers, dotted keys and lists of tables build the same tables")
  func tables() throws {
    let table = try parse(
      "[a]\r\nb.c = 1\r\n[a.d]\r\ne = 2\r\n[[list]]\r\nx = 1\r\n[[list]]\r\nx = 2\r\n[list.sub]\r\ny = 3\r\n")
    #expect(table["a"]?.table?["b"]?.table?["c"] == .integer(1))
    #expect(table["a"]?.table?["d"]?.table?["e"] == .integer(2))
    guard case .list(let items) = table["list"] else { throw DocumentFailure(line: 0, reason: "no list") }
    #expect(items.count == 2 && items[1].table?["sub"]?.table?["y"] == .integer(3))
    #expect(try parse("\u{feff}a = 1")["a"] == .integer(1))
    #expect(try parse("").keys == [])
  }

  @Test(
    "Invalid documents are refused with their line",
    arguments: [
      ("a = 1\na = 2", 2), ("[a]\n[a]", 2), ("a = \"x", 1), ("a = 'x\n'", 1), ("a = \"\\q\"", 1), ("a =", 1),
      ("a", 1), ("a = 1 b = 2", 1), ("\n\n= 1", 3), ("a = [1, 2", 1), ("a = { b = 1,\n }", 1), ("a = 01", 1),
      ("a = 1__0", 1), ("a = word", 1), ("a = \"\u{1}\"", 1), ("a.b = 1\na.b.c = 2", 2), ("a = {}\n[a.b]", 2),
      ("[[a]]\n[a]", 2), ("a.b = 1\n[a]", 2), ("a = 99999999999999999999", 1), ("a = \"\\uD800\"", 1),
      ("a = { b = 1 }\na.c = 2", 2), ("[a", 1), ("# \u{7f}", 1), ("a = '''x", 1), ("a = 1\rb = 2", 1),
    ])
  func refusals(text: String, line: Int) {
    let failure = #expect(throws: DocumentFailure.self, "\(text)") { try parse(text) }
    #expect(failure?.line == line, "\(text): \(failure?.description ?? "")")
  }

  @Test("Depth, number of values and size have limits")
  func limits() {
    for text in [
      "a = \(String(repeating: "[", count: 4000))", String(repeating: "a.", count: 4000) + "b = 1",
      "a = [\(String(repeating: "1,", count: 5000))]", "a = \"\(String(repeating: "x", count: 70_000))\"",
      "a = \(String(repeating: "{a=", count: 4000))",
    ] {
      #expect(throws: DocumentFailure.self) { try parse(text) }
    }
    #expect(throws: DocumentFailure.self) { try TOMLDocument.parse([0x61, 0x3d, 0x22, 0xff, 0x22]) }
  }
}
