import Testing

@testable import Provisioning

@Suite("YAML documents")
struct YAMLDocumentTests {
  private func parse(_ text: String) throws -> DocumentTable { try YAMLDocument.parse(Array(text.utf8)) }

  @Test("Mappings and lists nest by indentation, and a list may stand in its key's column")
  func blocks() throws {
    let table = try parse(
      """
      #cloud-config
      ---
      users:
      - name: alice   # a comment
        groups: users,adm
        keys:
          - "one"
          - two # 2
      -   name: bob
      empty:
      next: { a: 1, "b c": [x, 'y y', {z: }], d }
      list:
        - - a
          - b
        -
          c: d
      """)
    guard case .list(let users) = table["users"] else { throw DocumentFailure(line: 0, reason: "no list") }
    #expect(users[0].table?["name"] == .plain("alice"))
    #expect(users[0].table?["keys"]?.strings == ["one", "two"])
    #expect(users[1].table?["name"] == .plain("bob"))
    #expect(table["empty"] == DocumentValue.none)
    #expect(table["next"]?.table?["b c"] == .list([.plain("x"), .text("y y"), .table(["z": .none])]))
    #expect(table["next"]?.table?["d"] == DocumentValue.none)
    #expect(table["list"] == .list([.list([.plain("a"), .plain("b")]), .table(["c": .plain("d")])]))
  }

  @Test("Texts with and without quotes have their value")
  func texts() throws {
    let table = try parse(
      #"""
      sudo: ALL=(ALL) NOPASSWD:ALL
      url: http://a/b#c
      hash: $6$abc$def
      double: "a \"b\" \\ \x41\u00e9" # c
      single: 'it''s'
      "quoted: key": 1
      many: [
        a, # first
        b
      ]
      """#)
    #expect(table["sudo"] == .plain("ALL=(ALL) NOPASSWD:ALL"))
    #expect(table["url"] == .plain("http://a/b#c"))
    #expect(table["hash"] == .plain("$6$abc$def"))
    #expect(table["double"] == .text("a \"b\" \\ Aé"))
    #expect(table["single"] == .text("it's"))
    #expect(table["quoted: key"] == .plain("1"))
    #expect(table["many"]?.strings == ["a", "b"])
  }

  @Test("Block texts keep or fold their lines")
  func blockTexts() throws {
    let table = try parse(
      "keep: |\n  one\n    two\n\n  three\nfold: >-\n  a\n  b\n\n  c\nindent: |2\n    x\nall: |+\n  y\n\nend: z\n")
    #expect(table["keep"] == .text("one\n  two\n\nthree\n"))
    #expect(table["fold"] == .text("a b\nc"))
    #expect(table["indent"] == .text("  x\n"))
    #expect(table["all"] == .text("y\n\n"))
    #expect(table["end"] == .plain("z"))
  }

  @Test(
    "What is ambiguous or not supported is refused with its line",
    arguments: [
      ("a: 1\na: 2", 2), ("a: &x 1", 1), ("a: *x", 1), ("a: !tag x", 1), ("a:\n\t- b", 2), ("a: \"x", 1),
      ("a: b: c", 1), ("- a", 1), ("a: 1\n  b: 2", 2), ("a: one\n  two", 2), ("a: [1, 2", 1), ("a: 'x' y", 1),
      ("a: 1\n---\nb: 2", 2), ("%YAML 1.2\n---\na: 1", 1), ("a:\n  b: 1\n c: 2", 3), ("text", 1), ("a: |x\n  b", 1),
      ("a: \"\\q\"", 1), ("a: @x", 1), ("a: `x", 1), ("{a: 1, a: 2}", 1), ("a: \u{1}", 1), ("? a\n: b", 1),
    ])
  func refusals(text: String, line: Int) {
    let failure = #expect(throws: DocumentFailure.self, "\(text)") { try parse(text) }
    #expect(failure?.line == line, "\(text): \(failure?.description ?? "")")
  }

  @Test("Empty documents are empty tables")
  func empty() throws {
    for text in ["", "\n", "#cloud-config\n", "---\n", "--- # x\n...\n", "  # only a comment\n\n"] {
      #expect(try parse(text).keys == [], "\(text)")
    }
  }

  @Test("Depth, number of values and size have limits")
  func limits() {
    for text in [
      "a: \(String(repeating: "[", count: 5000))",
      (0..<100).map { String(repeating: " ", count: $0) + "a:\n" }.joined(),
      String(repeating: "- ", count: 3000), "a:\n" + String(repeating: "- b\n", count: 5000),
      "a: \(String(repeating: "x", count: 70_000))", "a: " + String(repeating: "{a: ", count: 5000),
    ] {
      #expect(throws: DocumentFailure.self) { try parse(text) }
    }
  }
}

extension DocumentTable: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (String, DocumentValue)...) {
    self.init()
    for (key, value) in elements { self[key] = value }
  }
}
