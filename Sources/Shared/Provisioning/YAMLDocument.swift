/// A parser for the part of YAML that cloud-init's files use.
///
/// It takes block mappings and lists, flow mappings and lists, texts with and without quotes, and block texts (`|`,
/// `>`). It refuses anchors, aliases, tags, directives, several documents, and texts on several lines that are not block
/// texts: each document that it accepts means the same to every YAML parser. Scalars without quotes stay text, because
/// YAML 1.1 and 1.2 disagree about their types.
struct YAMLDocument {
  /// The rest of the file, by lines without their breaks. The dash of a list's item is replaced by a space once it is
  /// parsed, so that the item's own keys stand where YAML counts their column.
  private var lines: [[UInt8]]
  private var row = 0
  private var count = 0

  private static let space = UInt8(ascii: " ")
  private static let hash = UInt8(ascii: "#")
  private static let colon = UInt8(ascii: ":")
  private static let dash = UInt8(ascii: "-")

  /// Parses a document. An empty one is an empty table.
  ///
  /// - Throws: ``DocumentFailure``.
  static func parse(_ bytes: [UInt8]) throws(DocumentFailure) -> DocumentTable {
    guard bytes.count <= DocumentLimits.size else {
      throw DocumentFailure(line: 1, reason: "the file has more than \(DocumentLimits.size) bytes")
    }
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw DocumentFailure(line: 1, reason: "the file is not UTF-8 text")
    }
    var document = YAMLDocument(
      bytes: Array(bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes[...]))
    return try document.parse()
  }

  private init(bytes: [UInt8]) {
    lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false).map { line in
      Array(line.last == 0x0d ? line.dropLast() : line)
    }
  }

  private func failure(_ reason: String) -> DocumentFailure { DocumentFailure(line: row + 1, reason: reason) }

  private mutating func parse() throws(DocumentFailure) -> DocumentTable {
    for (index, line) in lines.enumerated() {
      row = index
      guard line.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }) else {
        throw failure("there is a control character")
      }
    }
    row = 0
    var table = DocumentTable()
    if try indentation() != nil, isMarker("---") { row += 1 }
    if let indent = try indentation(), !isMarker("...") {
      let first = row
      guard case .table(let found) = try node(atLeast: indent, depth: 1) else {
        throw DocumentFailure(line: first + 1, reason: "the file is not a list of keys")
      }
      table = found
    }
    if try indentation() != nil {
      guard isMarker("...") else { throw failure("the indentation does not fit, or a second document begins") }
    }
    return table
  }

  // MARK: Lines

  /// Moves to the next line with content, and returns its indentation; `nil` at the end.
  private mutating func indentation() throws(DocumentFailure) -> Int? {
    while row < lines.count {
      let line = lines[row]
      let indent = line.prefix { $0 == Self.space }.count
      if indent == line.count || line[indent] == Self.hash || line[indent...].allSatisfy({ $0 == 0x09 }) {
        row += 1
        continue
      }
      guard line[indent] != 0x09 else { throw failure("a tab cannot indent a line; use spaces") }
      return indent
    }
    return nil
  }

  /// True if the current line is a marker of documents.
  private func isMarker(_ text: StaticString) -> Bool {
    let line = lines[row]
    return line.count >= 3 && (0..<3).allSatisfy { line[$0] == text.utf8Start[$0] }
      && line[3...].first { $0 != Self.space }.map { $0 == Self.hash } ?? true
  }

  private func isDash(at indent: Int) -> Bool {
    let line = lines[row]
    return line[indent] == Self.dash && (indent + 1 == line.count || line[indent + 1] == Self.space)
  }

  private mutating func countValue(depth: Int) throws(DocumentFailure) {
    guard depth <= DocumentLimits.depth else { throw failure("lists and mappings are nested too deeply") }
    count += 1
    guard count <= DocumentLimits.values else { throw failure("the file has too many values") }
  }

  // MARK: Blocks

  /// Parses the value that begins on the next line with content, if that is indented by at least `minimum`.
  private mutating func node(atLeast minimum: Int, depth: Int) throws(DocumentFailure) -> DocumentValue {
    guard let indent = try indentation(), indent >= minimum, !(indent == 0 && (isMarker("---") || isMarker("...")))
    else {
      return .none
    }
    if isDash(at: indent) { return .list(try sequence(indent, depth: depth)) }
    if try keyEnd(from: indent) != nil { return .table(try mapping(indent, depth: depth)) }
    try countValue(depth: depth)
    return try inline(from: indent, parent: minimum - 1, depth: depth)
  }

  private mutating func sequence(_ indent: Int, depth: Int) throws(DocumentFailure) -> [DocumentValue] {
    try countValue(depth: depth)
    var items: [DocumentValue] = []
    while let found = try indentation(), found == indent, isDash(at: indent) {
      lines[row][indent] = Self.space
      let item = row
      let rest = lines[row][indent...].prefix { $0 == Self.space }.count + indent
      if rest < lines[row].count, lines[row][rest] != Self.hash {
        items.append(try value(from: rest, parent: indent, depth: depth + 1, allowsBlock: true))
      } else {
        row += 1
        items.append(try node(atLeast: indent + 1, depth: depth + 1))
      }
      guard row > item else { throw failure("the item of the list cannot be read") }
    }
    if let found = try indentation(), found > indent { throw failure("the indentation does not fit") }
    return items
  }

  private mutating func mapping(_ indent: Int, depth: Int) throws(DocumentFailure) -> DocumentTable {
    try countValue(depth: depth)
    var table = DocumentTable()
    while let found = try indentation(), found == indent, !isDash(at: indent),
      !(indent == 0 && (isMarker("---") || isMarker("...")))
    {
      guard let (key, end) = try keyEnd(from: indent) else { throw failure("the line is not `key: value`") }
      guard table[key] == nil else { throw failure("a key is set twice") }
      let rest = lines[row][end...].prefix { $0 == Self.space }.count + end
      if rest < lines[row].count, lines[row][rest] != Self.hash {
        table[key] = try value(from: rest, parent: indent, depth: depth + 1, allowsBlock: false)
      } else {
        row += 1
        // A list that belongs to a key may stand in the key's own column.
        if let below = try indentation(), below == indent, isDash(at: below) {
          table[key] = .list(try sequence(indent, depth: depth + 1))
        } else {
          table[key] = try node(atLeast: indent + 1, depth: depth + 1)
        }
      }
    }
    if let found = try indentation(), found > indent { throw failure("the indentation does not fit") }
    return table
  }

  /// Parses a value that begins in the current line.
  ///
  /// - Parameter allowsBlock: True for an item of a list, which may begin a list or mapping in the line of its dash.
  private mutating func value(
    from column: Int, parent: Int, depth: Int, allowsBlock: Bool
  ) throws(DocumentFailure) -> DocumentValue {
    if allowsBlock {
      if isDash(at: column) { return .list(try sequence(column, depth: depth)) }
      if try keyEnd(from: column) != nil { return .table(try mapping(column, depth: depth)) }
    }
    try countValue(depth: depth)
    return try inline(from: column, parent: parent, depth: depth)
  }

  /// Returns the key that begins in a column of the current line, and the column behind its colon; `nil` if there is
  /// none.
  private func keyEnd(from column: Int) throws(DocumentFailure) -> (key: String, end: Int)? {
    let line = lines[row]
    var cursor = column
    let key: String
    if line[cursor] == UInt8(ascii: "\"") || line[cursor] == UInt8(ascii: "'") {
      key = try quoted(&cursor)
      cursor += line[cursor...].prefix { $0 == Self.space }.count
      guard cursor < line.count, line[cursor] == Self.colon else { return nil }
      guard cursor + 1 == line.count || line[cursor + 1] == Self.space else { return nil }
      return (key, cursor + 1)
    }
    guard !"[{&*!|>%@`,]}#".utf8.contains(line[cursor]) else { return nil }
    while cursor < line.count {
      if line[cursor] == Self.colon, cursor + 1 == line.count || line[cursor + 1] == Self.space {
        key = Self.text(line[column..<cursor])
        guard !key.isEmpty, key != "?" else { throw failure("a key is missing") }
        return (key, cursor + 1)
      }
      if line[cursor] == Self.hash, cursor > column, line[cursor - 1] == Self.space { return nil }
      cursor += 1
    }
    return nil
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    var bytes = bytes
    while let last = bytes.last, last == space || last == 0x09 { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  // MARK: Values in a line

  /// Parses a scalar, a flow list or a flow mapping, or a block text whose header begins in the line.
  private mutating func inline(from column: Int, parent: Int, depth: Int) throws(DocumentFailure) -> DocumentValue {
    let line = lines[row]
    var cursor = column
    switch line[cursor] {
    case UInt8(ascii: "|"), UInt8(ascii: ">"): return .text(try blockText(from: cursor, parent: parent))
    case UInt8(ascii: "\""), UInt8(ascii: "'"):
      let text = try quoted(&cursor)
      try endLine(cursor)
      return .text(text)
    case UInt8(ascii: "["), UInt8(ascii: "{"):
      let value = try flow(&cursor, depth: depth)
      try endLine(cursor)
      return value
    default:
      let end = try plainEnd(cursor, inFlow: false)
      let text = Self.text(line[cursor..<end])
      row += 1
      return Self.scalar(text)
    }
  }

  private static func scalar(_ text: String) -> DocumentValue {
    ["", "~", "null", "Null", "NULL"].contains(text) ? .none : .plain(text)
  }

  /// Checks that only a comment follows in the line, and moves to the next one.
  private mutating func endLine(_ cursor: Int) throws(DocumentFailure) {
    let rest = lines[row][cursor...]
    let content = rest.first { $0 != Self.space && $0 != 0x09 }
    guard content == nil || content == Self.hash && rest.first != Self.hash else {
      throw failure("there is more text after the value")
    }
    row += 1
  }

  /// Returns the end of a scalar without quotes.
  private func plainEnd(_ start: Int, inFlow: Bool) throws(DocumentFailure) -> Int {
    let line = lines[row]
    guard !"&*!|>%@`,]}#".utf8.contains(line[start]) else {
      throw failure("anchors, aliases, tags and other indicators are not supported; put a text into quotes")
    }
    var cursor = start
    while cursor < line.count {
      let byte = line[cursor]
      let isLast = cursor + 1 == line.count
      if byte == Self.colon, isLast || line[cursor + 1] == Self.space || inFlow && ",]}".utf8.contains(line[cursor + 1])
      {
        guard inFlow else { throw failure("a text with `: ` needs quotes") }
        return cursor
      }
      if byte == Self.hash, cursor > start, line[cursor - 1] == Self.space || line[cursor - 1] == 0x09 { return cursor }
      if inFlow, ",[]{}".utf8.contains(byte) { return cursor }
      cursor += 1
    }
    return cursor
  }

  /// Parses a text in quotes, and moves the cursor behind it.
  private func quoted(_ cursor: inout Int) throws(DocumentFailure) -> String {
    let line = lines[row]
    let mark = line[cursor]
    var text: [UInt8] = []
    cursor += 1
    while cursor < line.count {
      let byte = line[cursor]
      cursor += 1
      if byte == mark {
        guard mark == UInt8(ascii: "'"), cursor < line.count, line[cursor] == mark else {
          return String(decoding: text, as: UTF8.self)
        }
        cursor += 1
        text.append(mark)
      } else if byte == UInt8(ascii: "\\"), mark == UInt8(ascii: "\"") {
        text += try escape(line, &cursor)
      } else {
        text.append(byte)
      }
    }
    throw failure("a text needs its closing quote in the same line")
  }

  private func escape(_ line: [UInt8], _ cursor: inout Int) throws(DocumentFailure) -> [UInt8] {
    guard cursor < line.count else { throw failure("a text needs its closing quote in the same line") }
    let byte = line[cursor]
    cursor += 1
    let single: [Character: UInt32] = [
      "0": 0, "a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "e": 27, " ": 32, "\"": 34, "/": 47,
      "\\": 92, "N": 0x85, "_": 0xa0, "L": 0x2028, "P": 0x2029,
    ]
    let lengths: [Character: Int] = ["x": 2, "u": 4, "U": 8]
    let name = Character(Unicode.Scalar(byte))
    if let code = single[name], let scalar = Unicode.Scalar(code) { return Array(String(Character(scalar)).utf8) }
    guard let length = lengths[name], cursor + length <= line.count, line[cursor] != UInt8(ascii: "+"),
      let code = UInt32(String(decoding: line[cursor..<cursor + length], as: UTF8.self), radix: 16),
      let scalar = Unicode.Scalar(code)
    else { throw failure("there is no such escape sequence") }
    cursor += length
    return Array(String(Character(scalar)).utf8)
  }

  // MARK: Flow lists and mappings

  /// Skips spaces, comments and line breaks inside brackets.
  private mutating func skipFlowSpace(_ cursor: inout Int) throws(DocumentFailure) {
    while true {
      let line = lines[row]
      while cursor < line.count, line[cursor] == Self.space || line[cursor] == 0x09 { cursor += 1 }
      let isComment = cursor < line.count && line[cursor] == Self.hash && (cursor == 0 || line[cursor - 1] <= 0x20)
      guard cursor == line.count || isComment else { return }
      guard row + 1 < lines.count else { throw failure("a closing bracket is missing") }
      row += 1
      cursor = 0
    }
  }

  private mutating func flow(_ cursor: inout Int, depth: Int) throws(DocumentFailure) -> DocumentValue {
    let isList = lines[row][cursor] == UInt8(ascii: "[")
    let end = UInt8(ascii: isList ? "]" : "}")
    var items: [DocumentValue] = []
    var table = DocumentTable()
    cursor += 1
    while true {
      try skipFlowSpace(&cursor)
      if lines[row][cursor] == end {
        cursor += 1
        return isList ? .list(items) : .table(table)
      }
      if isList {
        items.append(try flowValue(&cursor, depth: depth + 1))
      } else {
        guard let key = try flowValue(&cursor, depth: depth + 1).string else { throw failure("a key is missing") }
        try skipFlowSpace(&cursor)
        guard table[key] == nil else { throw failure("a key is set twice") }
        if lines[row][cursor] == Self.colon {
          cursor += 1
          try skipFlowSpace(&cursor)
          let isMissing = lines[row][cursor] == end || lines[row][cursor] == UInt8(ascii: ",")
          table[key] = isMissing ? DocumentValue.none : try flowValue(&cursor, depth: depth + 1)
        } else {
          table[key] = DocumentValue.none
        }
      }
      try skipFlowSpace(&cursor)
      if lines[row][cursor] == UInt8(ascii: ",") {
        cursor += 1
      } else if lines[row][cursor] != end {
        throw failure("the list or mapping needs `,` or its closing bracket")
      }
    }
  }

  private mutating func flowValue(_ cursor: inout Int, depth: Int) throws(DocumentFailure) -> DocumentValue {
    try countValue(depth: depth)
    switch lines[row][cursor] {
    case UInt8(ascii: "["), UInt8(ascii: "{"): return try flow(&cursor, depth: depth)
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return .text(try quoted(&cursor))
    default:
      let end = try plainEnd(cursor, inFlow: true)
      guard end > cursor else { throw failure("a value is missing") }
      defer { cursor = end }
      return Self.scalar(Self.text(lines[row][cursor..<end]))
    }
  }

  // MARK: Block texts

  /// Parses a block text: `|` keeps line breaks, `>` folds them.
  private mutating func blockText(from column: Int, parent: Int) throws(DocumentFailure) -> String {
    let folds = lines[row][column] == UInt8(ascii: ">")
    var chomping: UInt8?
    var indent: Int?
    var cursor = column + 1
    while cursor < lines[row].count, lines[row][cursor] != Self.space {
      let byte = lines[row][cursor]
      if byte == UInt8(ascii: "+") || byte == Self.dash, chomping == nil {
        chomping = byte
      } else if (0x31...0x39).contains(byte), indent == nil {
        indent = max(parent, 0) + Int(byte - 0x30)
      } else {
        throw failure("the block text has an unknown indicator")
      }
      cursor += 1
    }
    try endLine(cursor)
    var content: [ArraySlice<UInt8>] = []
    while row < lines.count {
      let line = lines[row]
      let spaces = line.prefix { $0 == Self.space }.count
      if spaces == line.count {
        content.append(line.dropFirst(indent ?? spaces))
      } else {
        guard spaces > parent, spaces >= indent ?? 0 else { break }
        if indent == nil { indent = spaces }
        content.append(line.dropFirst(indent ?? spaces))
      }
      row += 1
    }
    var trailing = 0
    while let last = content.last, last.isEmpty {
      content.removeLast()
      trailing += 1
    }
    guard !content.isEmpty else {
      return chomping == UInt8(ascii: "+") ? String(repeating: "\n", count: trailing) : ""
    }
    var text = folds ? Self.folded(content) : Array(content.joined(separator: [0x0a]))
    if chomping != Self.dash { text.append(0x0a) }
    if chomping == UInt8(ascii: "+") { text += [UInt8](repeating: 0x0a, count: trailing) }
    return String(decoding: text, as: UTF8.self)
  }

  /// Joins lines by spaces. A line break stays beside empty lines, and beside lines with more indentation.
  private static func folded(_ lines: [ArraySlice<UInt8>]) -> [UInt8] {
    func isMore(_ line: ArraySlice<UInt8>) -> Bool { line.first == space || line.first == 0x09 }
    var text = Array(lines[0])
    var isAfterMore = isMore(lines[0])
    var breaks = 0
    for line in lines.dropFirst() {
      if line.isEmpty {
        breaks += 1
        continue
      }
      let keeps = isAfterMore || isMore(line)
      if breaks == 0 {
        text.append(keeps ? 0x0a : space)
      } else {
        text += [UInt8](repeating: 0x0a, count: breaks + (keeps ? 1 : 0))
      }
      text += line
      breaks = 0
      isAfterMore = isMore(line)
    }
    return text
  }
}
