/// A parser for TOML 1.0.
///
/// It parses every valid document within ``DocumentLimits``. Floats, dates and times become ``DocumentValue/other``, as
/// no key takes one; of these, only the characters are checked.
struct TOMLDocument {
  private let bytes: [UInt8]
  private var position = 0
  private var line = 1
  private var count = 0
  private var root = Node()

  /// A table that is being built. Tables, unlike values, can be extended by later headers.
  private final class Node {
    enum Entry {
      case value(DocumentValue)
      case table(Node)
      case tables([Node])
    }

    var keys: [String] = []
    var entries: [String: Entry] = [:]
    /// True if a header names the table, so that a second header is an error.
    var isDefined = false
    /// True if dotted keys made the table, so that a header must not extend it.
    var isDotted = false

    func add(_ key: String, _ entry: Entry) {
      keys.append(key)
      entries[key] = entry
    }

    var table: DocumentTable {
      var table = DocumentTable()
      for key in keys {
        switch entries[key] {
        case .value(let value): table[key] = value
        case .table(let node): table[key] = .table(node.table)
        case .tables(let nodes): table[key] = .list(nodes.map { .table($0.table) })
        case nil: continue
        }
      }
      return table
    }
  }

  /// Parses a document.
  ///
  /// - Throws: ``DocumentFailure``.
  static func parse(_ bytes: [UInt8]) throws(DocumentFailure) -> DocumentTable {
    guard bytes.count <= DocumentLimits.size else {
      throw DocumentFailure(line: 1, reason: "the file has more than \(DocumentLimits.size) bytes")
    }
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw DocumentFailure(line: 1, reason: "the file is not UTF-8 text")
    }
    var document = TOMLDocument(bytes: Array(bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes[...]))
    try document.parse()
    return document.root.table
  }

  private init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func failure(_ reason: String) -> DocumentFailure { DocumentFailure(line: line, reason: reason) }

  private mutating func parse() throws(DocumentFailure) {
    var current = root
    while true {
      try skipLines()
      guard let byte = next else { return }
      if byte == UInt8(ascii: "[") {
        current = try header()
      } else {
        let path = try keyPath()
        try expect("=", "a key needs `=` and a value")
        skipSpaces()
        let value = try value(depth: path.count)
        try insert(value, at: path, in: current)
      }
      try endOfLine()
    }
  }

  // MARK: Lines

  private mutating func skipSpaces() {
    while let byte = next, byte == 0x20 || byte == 0x09 { position += 1 }
  }

  /// Skips a comment. Control characters other than tab are not allowed in it.
  private mutating func skipComment() throws(DocumentFailure) {
    guard next == UInt8(ascii: "#") else { return }
    while let byte = next, byte != 0x0a {
      if byte == 0x0d, position + 1 < bytes.count, bytes[position + 1] == 0x0a { return }
      guard byte >= 0x20 && byte != 0x7f || byte == 0x09 else { throw failure("a comment has a control character") }
      position += 1
    }
  }

  /// Moves past a line break if there is one.
  private mutating func skipBreak() -> Bool {
    if next == 0x0d, position + 1 < bytes.count, bytes[position + 1] == 0x0a { position += 1 }
    guard next == 0x0a else { return false }
    position += 1
    line += 1
    return true
  }

  /// Skips spaces, comments and line breaks.
  private mutating func skipLines() throws(DocumentFailure) {
    repeat {
      skipSpaces()
      try skipComment()
    } while skipBreak()
  }

  private mutating func endOfLine() throws(DocumentFailure) {
    skipSpaces()
    try skipComment()
    guard next == nil || skipBreak() else { throw failure("there is more text after the value or header") }
  }

  private mutating func expect(_ character: Unicode.Scalar, _ reason: String) throws(DocumentFailure) {
    skipSpaces()
    guard next == UInt8(ascii: character) else { throw failure(reason) }
    position += 1
  }

  // MARK: Keys

  private static func isBare(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "_"), UInt8(ascii: "-"): true
    default: false
    }
  }

  private mutating func keyPath() throws(DocumentFailure) -> [String] {
    var path: [String] = []
    repeat {
      skipSpaces()
      switch next {
      case UInt8(ascii: "\""): path.append(try basicText())
      case UInt8(ascii: "'"): path.append(try literalText())
      default:
        let start = position
        while let byte = next, Self.isBare(byte) { position += 1 }
        guard position > start else { throw failure("a key is missing") }
        path.append(String(decoding: bytes[start..<position], as: UTF8.self))
      }
      guard path.count <= DocumentLimits.depth else { throw failure("the key has too many parts") }
      skipSpaces()
      guard next == UInt8(ascii: ".") else { return path }
      position += 1
    } while true
  }

  /// Parses `[table]` or `[[list of tables]]`, and returns the table that the following keys belong to.
  private mutating func header() throws(DocumentFailure) -> Node {
    position += 1
    let isList = next == UInt8(ascii: "[")
    if isList { position += 1 }
    let path = try keyPath()
    try expect("]", "the header needs `]`")
    if isList {
      guard next == UInt8(ascii: "]") else { throw failure("the header needs `]]`") }
      position += 1
    }
    try countValue()
    var node = root
    for key in path.dropLast() {
      switch node.entries[key] {
      case nil:
        let made = Node()
        node.add(key, .table(made))
        node = made
      case .table(let found): node = found
      case .tables(let nodes):
        guard let last = nodes.last else { throw failure("the header extends a value") }
        node = last
      case .value: throw failure("the header extends a value")
      }
    }
    let key = path[path.count - 1]
    let made = Node()
    made.isDefined = true
    switch (node.entries[key], isList) {
    case (nil, true): node.add(key, .tables([made]))
    case (.tables(let nodes), true): node.entries[key] = .tables(nodes + [made])
    case (nil, false): node.add(key, .table(made))
    case (.table(let found), false) where !found.isDefined && !found.isDotted:
      found.isDefined = true
      return found
    default: throw failure("the table is defined twice")
    }
    return made
  }

  private mutating func insert(_ value: DocumentValue, at path: [String], in table: Node) throws(DocumentFailure) {
    var node = table
    for key in path.dropLast() {
      switch node.entries[key] {
      case nil:
        let made = Node()
        made.isDotted = true
        node.add(key, .table(made))
        node = made
      // Only tables that dotted keys made can be extended by dotted keys.
      case .table(let found) where found.isDotted: node = found
      default: throw failure("the key extends a value or table that is complete")
      }
    }
    guard node.entries[path[path.count - 1]] == nil else { throw failure("the key is set twice") }
    node.add(path[path.count - 1], .value(value))
  }

  // MARK: Values

  private mutating func countValue() throws(DocumentFailure) {
    count += 1
    guard count <= DocumentLimits.values else { throw failure("the file has too many values") }
  }

  private mutating func value(depth: Int) throws(DocumentFailure) -> DocumentValue {
    guard depth <= DocumentLimits.depth else { throw failure("lists and tables are nested too deeply") }
    try countValue()
    switch next {
    case UInt8(ascii: "\""):
      return .text(starts(with: "\"\"\"") ? try multilineText("\"") : try basicText())
    case UInt8(ascii: "'"):
      return .text(starts(with: "'''") ? try multilineText("'") : try literalText())
    case UInt8(ascii: "["): return .list(try list(depth: depth))
    case UInt8(ascii: "{"): return .table(try inlineTable(depth: depth))
    default: return try word()
    }
  }

  private func starts(with text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard position + count <= bytes.count else { return false }
    return (0..<count).allSatisfy { bytes[position + $0] == text.utf8Start[$0] }
  }

  private mutating func list(depth: Int) throws(DocumentFailure) -> [DocumentValue] {
    position += 1
    var items: [DocumentValue] = []
    while true {
      try skipLines()
      if next == UInt8(ascii: "]") {
        position += 1
        return items
      }
      items.append(try value(depth: depth + 1))
      try skipLines()
      switch next {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "]"): continue
      default: throw failure("the list needs `,` or `]`")
      }
    }
  }

  private mutating func inlineTable(depth: Int) throws(DocumentFailure) -> DocumentTable {
    position += 1
    let node = Node()
    skipSpaces()
    if next == UInt8(ascii: "}") {
      position += 1
      return node.table
    }
    while true {
      let path = try keyPath()
      try expect("=", "a key needs `=` and a value")
      skipSpaces()
      let value = try value(depth: depth + path.count)
      try insert(value, at: path, in: node)
      skipSpaces()
      switch next {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "}"):
        position += 1
        return node.table
      default: throw failure("the table needs `,` or `}`")
      }
    }
  }

  /// Parses a value without quotes: a Boolean, a number, a date or a time.
  private mutating func word() throws(DocumentFailure) -> DocumentValue {
    let start = position
    while let byte = next, Self.isBare(byte) || "+.:".utf8.contains(byte) { position += 1 }
    // A date and a time may have a space between them.
    if position - start == 10, bytes[start + 4] == UInt8(ascii: "-"), next == 0x20, position + 1 < bytes.count,
      (0x30...0x39).contains(bytes[position + 1])
    {
      position += 1
      while let byte = next, Self.isBare(byte) || "+.:".utf8.contains(byte) { position += 1 }
      return .other
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    switch text {
    case "": throw failure("a value is missing")
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    case "inf", "+inf", "-inf", "nan", "+nan", "-nan": return .other
    default: break
    }
    if let number = Self.integer(text) { return .integer(number) }
    guard let first = text.utf8.first, (0x30...0x39).contains(first) || "+-".utf8.contains(first),
      text.utf8.allSatisfy({ (0x30...0x39).contains($0) || "+-._:eEtTzZ".utf8.contains($0) }),
      text.utf8.contains(where: { ".:eE-".utf8.contains($0) })
    else { throw failure("a text needs quotes, and a number must be valid and of 64 bits") }
    return .other
  }

  private static func integer(_ text: String) -> Int? {
    func digits(_ digits: Substring, radix: Int) -> Int? {
      guard !digits.isEmpty, digits.first != "_", digits.last != "_", !digits.contains("__"),
        !digits.hasPrefix("+"), !digits.hasPrefix("-")
      else { return nil }
      return Int(digits.filter { $0 != "_" }, radix: radix)
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where text.hasPrefix(prefix) {
      return digits(text.dropFirst(2), radix: radix)
    }
    let isSigned = text.hasPrefix("+") || text.hasPrefix("-")
    let number = isSigned ? text.dropFirst() : text[...]
    guard number == "0" || !number.hasPrefix("0"), let value = digits(number, radix: 10) else { return nil }
    return text.hasPrefix("-") ? -value : value
  }

  // MARK: Texts

  private mutating func literalText() throws(DocumentFailure) -> String {
    position += 1
    let start = position
    while let byte = next, byte != UInt8(ascii: "'") {
      guard byte >= 0x20 && byte != 0x7f || byte == 0x09 else { throw failure("a text needs its closing quote") }
      position += 1
    }
    guard next != nil else { throw failure("a text needs its closing quote") }
    position += 1
    return String(decoding: bytes[start..<position - 1], as: UTF8.self)
  }

  private mutating func basicText() throws(DocumentFailure) -> String {
    position += 1
    var text: [UInt8] = []
    while let byte = next, byte != UInt8(ascii: "\"") {
      guard byte >= 0x20 && byte != 0x7f || byte == 0x09 else { throw failure("a text needs its closing quote") }
      position += 1
      if byte == UInt8(ascii: "\\") { text += try escape() } else { text.append(byte) }
    }
    guard next != nil else { throw failure("a text needs its closing quote") }
    position += 1
    return String(decoding: text, as: UTF8.self)
  }

  /// Parses a text in three quotes. A line break right after them does not count.
  private mutating func multilineText(_ quote: Unicode.Scalar) throws(DocumentFailure) -> String {
    let mark = UInt8(ascii: quote)
    position += 3
    _ = skipBreak()
    var text: [UInt8] = []
    while let byte = next {
      if byte == mark {
        var quotes = 0
        while next == mark, quotes < 5 {
          quotes += 1
          position += 1
        }
        guard quotes >= 3 else {
          text += Array(repeating: mark, count: quotes)
          continue
        }
        text += Array(repeating: mark, count: quotes - 3)
        return String(decoding: text, as: UTF8.self)
      }
      if skipBreak() {
        text.append(0x0a)
        continue
      }
      guard byte >= 0x20 && byte != 0x7f || byte == 0x09 else { throw failure("a text has a control character") }
      position += 1
      guard byte == UInt8(ascii: "\\"), quote == "\"" else {
        text.append(byte)
        continue
      }
      // A backslash at the end of a line removes the line break and all white space after it.
      let here = position
      skipSpaces()
      if skipBreak() {
        repeat { skipSpaces() } while skipBreak()
      } else {
        position = here
        text += try escape()
      }
    }
    throw failure("a text needs its closing quotes")
  }

  /// Parses the rest of an escape sequence.
  private mutating func escape() throws(DocumentFailure) -> [UInt8] {
    guard let byte = next else { throw failure("a text needs its closing quote") }
    position += 1
    switch byte {
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "n"): return [0x0a]
    case UInt8(ascii: "f"): return [0x0c]
    case UInt8(ascii: "r"): return [0x0d]
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): return [byte]
    case UInt8(ascii: "u"), UInt8(ascii: "U"):
      let length = byte == UInt8(ascii: "u") ? 4 : 8
      guard position + length <= bytes.count,
        let code = UInt32(String(decoding: bytes[position..<position + length], as: UTF8.self), radix: 16),
        bytes[position] != UInt8(ascii: "+"), let scalar = Unicode.Scalar(code)
      else { throw failure("an escape sequence is not a Unicode character") }
      position += length
      return Array(String(Character(scalar)).utf8)
    default: throw failure("there is no such escape sequence")
    }
  }
}
